"""The checks of `aimc doctor`: each part is run, not only found."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from packaging.specifiers import SpecifierSet

from aimc.extras import DISTRIBUTION, unavailable
from harness.errors import HarnessError

_NEEDED_FREE_MIB: Final = 512
_OPTIONAL: Final = {
    "torch": "training and the accuracy loop",
    "aihwkit": "the accuracy loop",
    "onnxruntime": "the tests",
}
_OTHER_CACHE: Final = "name another folder by the variable AIMC_CACHE"


@dataclass(frozen=True)
class Finding:
    """One check's outcome; only ``missing`` keeps the harness from working."""

    what: str
    verdict: Literal["ok", "missing", "optional"]
    detail: str


def check_machine() -> list[Finding]:
    """Every check, the most basic first."""
    return [
        _python(),
        _attempt("native modules", _native_modules),
        _attempt("cross-compiler", _cross_compiler),
        _attempt("embedded engine", _embedded_engine),
        _gem5(),
        _attempt("cache folder", _cache_folder),
        _dataset(),
        *(_optional(name, purpose) for name, purpose in _OPTIONAL.items()),
        _cpus(),
    ]


def _python() -> Finding:
    """Against the installed package's own requirement."""
    wanted = importlib.metadata.metadata(DISTRIBUTION)["Requires-Python"]
    version = platform.python_version()
    right = SpecifierSet(wanted).contains(version, prereleases=True)
    return Finding("Python", "ok" if right else "missing", f"{version} ({wanted} is needed)")


def _attempt(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, "ok", check())
    except (HarnessError, ImportError, OSError) as error:
        return Finding(what, "missing", str(error))


def _native_modules() -> str:
    from harness import _tile
    from harness.engines.embedded import _engine

    return ", ".join(Path(module.__file__ or "").name for module in (_tile, _engine))


def _cross_compiler() -> str:
    from harness.cache.folder import cache_dir
    from harness.toolchain.compiler import find_compiler

    return f"ziglang {find_compiler(cache_dir()).version}"


def _embedded_engine() -> str:
    """Compile a program of one line and run it."""
    from harness.cache.folder import cache_dir
    from harness.config.load import load_config
    from harness.engines.registry import engine
    from harness.toolchain.build import compile_program

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "main.c"
        source.write_text("int main(void) { return 0; }\n", encoding="utf-8")
        elf = compile_program(
            [source], [], Path(folder) / "p.elf", defines={}, cache_dir=cache_dir()
        )
        system = load_config(system="alpine-hp", overrides=[], run={}).system
        result = engine("embedded").run(elf, system, {}, timeout_s=60.0)
    if result.exit_code:
        raise HarnessError(f"an empty program ended with code {result.exit_code}")
    return f"{result.engine_version}; ran {result.instructions} instructions"


def _gem5() -> Finding:
    """Optional: missing only if GEM5 names one that cannot be used."""
    from harness.engines.gem5.installation import VARIABLE, describe, find_binary

    try:
        gem5 = describe(find_binary())
    except HarnessError as error:
        if os.environ.get(VARIABLE):
            return Finding("gem5 engine", "missing", str(error))
        return Finding("gem5 engine", "optional", error.what)
    return Finding("gem5 engine", "ok", f"gem5 {gem5.version}, {gem5.binary}")


def _cache_folder() -> str:
    from harness.cache.folder import cache_dir

    folder = cache_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise HarnessError(f"{folder}: {error.strerror}", hint=_OTHER_CACHE) from error
    free_mib = shutil.disk_usage(folder).free >> 20
    if free_mib < _NEEDED_FREE_MIB:
        raise HarnessError(
            f"{folder} has {free_mib} MiB free, {_NEEDED_FREE_MIB} are needed", hint=_OTHER_CACHE
        )
    return f"{folder}, {free_mib} MiB free"


def _dataset() -> Finding:
    from harness.data.workloads import FOLDER_VARIABLE

    named = os.environ.get(FOLDER_VARIABLE)
    if not named:
        return Finding("datasets", "optional", f"{FOLDER_VARIABLE} is not set; digits are bundled")
    there = Path(named).exists()
    return Finding(
        "datasets", "ok" if there else "missing", named if there else f"{named} does not exist"
    )


def _optional(name: str, purpose: str) -> Finding:
    try:
        return Finding(name, "ok", importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        reason = unavailable(name)
        detail = f"not installed; needed for {purpose}" + (f"; {reason}" if reason else "")
        return Finding(name, "optional", detail)


def _cpus() -> Finding:
    return Finding("CPUs", "ok", str(os.cpu_count()))
