"""Which gem5 there is, whether it can run the harness's programs, and its identity."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import EngineError
from harness.resources import resource

VARIABLE: Final = "GEM5"
NAMES: Final = ("gem5.opt", "gem5.fast", "gem5")  # looked for on PATH, in this order
RUN_SCRIPT: Final = "gem5_configs/run.py"
OLDEST: Final = 24
HINT: Final = (
    f"the gem5 engine needs a gem5 of version {OLDEST} or later, with the ARM instruction set and"
    " the harness's folder aimc_tile among its EXTRAS; how to build gem5 is described at"
    " https://www.gem5.org/documentation/general_docs/building"
)
_DESCRIBE_TIMEOUT_S: Final = 120.0
_LOG_LINES: Final = 8


@dataclass(frozen=True)
class Installation:
    """A gem5 that can run the harness's programs."""

    binary: Path
    version: str


def find_binary(named: Path | None = None) -> Path:
    """The gem5 that is ``named``, else what the variable GEM5 names, else the first one on PATH.

    Raises:
        EngineError: There is none, or something else is named.
    """
    variable = os.environ.get(VARIABLE)
    if named is not None:
        return _checked(named, f"--gem5 {named}")
    if variable:
        return _checked(Path(variable), f"{VARIABLE}={variable}")
    for name in NAMES:
        found = shutil.which(name)
        if found is not None:
            return Path(found).resolve()
    raise EngineError(
        f"no gem5 found: {VARIABLE} is not set, and {', '.join(NAMES)} are not on PATH",
        hint=f"name one with --gem5 or the variable {VARIABLE}; {HINT}",
    )


def _checked(named: Path, where: str) -> Path:
    path = named.expanduser()
    if path.is_dir():
        raise EngineError(
            "a folder, not a gem5 program",
            where=where,
            hint="name the program itself, for instance .../build/ARM/gem5.opt",
        )
    if not path.is_file() or not os.access(path, os.X_OK):
        what = "not an executable file" if path.exists() else "there is no such file"
        raise EngineError(what, where=where, hint=HINT)
    return path.resolve()


def describe(binary: Path) -> Installation:
    """Ask ``binary`` for its version and features.

    Raises:
        EngineError: It does not run, is too old, or lacks a feature; the message says which.
    """
    answer = _ask(binary)
    version, missing = answer.get("gem5_version"), answer.get("missing")
    if not isinstance(version, str) or not isinstance(missing, list):
        raise EngineError(f"its description is {answer!r}", where=str(binary), hint=HINT)
    number = re.search(r"(\d+)\.\d", version)
    if number is None or int(number[1]) < OLDEST:
        raise EngineError(
            f"gem5 {version} is too old: {OLDEST} or later is needed",
            where=str(binary),
            hint=HINT,
        )
    if missing:
        raise EngineError(
            f"this gem5 ({version}) lacks {' and '.join(map(str, missing))}",
            where=str(binary),
            hint=HINT,
        )
    return Installation(binary, version)


def identity(binary: Path) -> dict[str, str]:
    """What tells this gem5 from others, wherever it lies: its build id, else size and time.

    Raises:
        EngineError: It cannot be read.
    """
    try:
        status = binary.stat()
        build_id = _build_id(binary)
    except OSError as error:
        raise EngineError(
            f"cannot read the program: {error.strerror or error}", where=str(binary)
        ) from error
    if build_id is not None:
        return {"build_id": build_id}
    return {"bytes": str(status.st_size), "modified_ns": str(status.st_mtime_ns)}


def clean_environment() -> dict[str, str]:
    """This process's environment without what would steer gem5's own Python interpreter."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return kept | {"PYTHONDONTWRITEBYTECODE": "1"}


def _ask(binary: Path) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="aimc-gem5-") as folder:
        command = [str(binary), "--quiet", f"--outdir={folder}", str(resource(RUN_SCRIPT))]
        try:
            done = subprocess.run(
                [*command, "--describe"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=clean_environment(),
                timeout=_DESCRIBE_TIMEOUT_S,
                check=False,
            )
        except OSError as error:
            raise EngineError(
                f"it cannot be started: {error.strerror or error}", where=str(binary), hint=HINT
            ) from error
        except subprocess.TimeoutExpired as error:
            raise EngineError(
                f"it did not say what it is within {_DESCRIBE_TIMEOUT_S:g} s",
                where=str(binary),
                hint=HINT,
            ) from error
    lines = done.stdout.decode("utf-8", errors="replace").splitlines()
    if done.returncode == 0:
        for line in reversed(lines):
            try:
                answer = json.loads(line)
            except ValueError:
                continue
            if isinstance(answer, dict):
                return answer
    shown = "".join(f"\n    {line}" for line in lines[-_LOG_LINES:])
    raise EngineError(
        f"it does not say what it is (exit code {done.returncode}):{shown}",
        where=str(binary),
        hint=HINT,
    )


def _build_id(binary: Path) -> str | None:
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile
    from elftools.elf.sections import NoteSection

    try:
        with binary.open("rb") as stream:
            section = ELFFile(stream).get_section_by_name(".note.gnu.build-id")
            if not isinstance(section, NoteSection):
                return None
            for note in section.iter_notes():
                if note["n_type"] == "NT_GNU_BUILD_ID":
                    return str(note["n_desc"])
    except (ELFError, ValueError, KeyError, AttributeError, UnicodeDecodeError):
        return None  # a script that starts gem5, for instance
    return None
