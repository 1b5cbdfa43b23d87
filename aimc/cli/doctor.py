"""The checks of `aimc doctor`: each part is run, not only found."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import tempfile
from pathlib import Path
from typing import Final

from packaging.specifiers import SpecifierSet

from aimc.extras import DISTRIBUTION, unavailable
from harness.errors import HarnessError
from harness.findings import Finding, finding_of

_NEEDED_FREE_MIB: Final = 512
_OPTIONAL: Final = {
    "torch": "training and the accuracy loop",
    "aihwkit": "the accuracy loop",
    "onnxruntime": "the tests",
}
_OTHER_CACHE: Final = "name another folder by the variable AIMC_CACHE"


def check_machine() -> list[Finding]:
    """Every check, the most basic first."""
    return [
        _python(),
        finding_of("native modules", _native_modules),
        finding_of("cross-compiler", _cross_compiler),
        *_engines(),
        finding_of("cache folder", _cache_folder),
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


def _native_modules() -> str:
    from harness import _tile
    from harness.engines.embedded import _engine

    return ", ".join(Path(module.__file__ or "").name for module in (_tile, _engine))


def _cross_compiler() -> str:
    from harness.cache.folder import cache_dir
    from harness.toolchain.compiler import find_compiler

    return f"ziglang {find_compiler(cache_dir()).version}"


def _engines() -> list[Finding]:
    """What each engine says of itself."""
    from harness.engines.registry import engine, engine_names

    findings: list[Finding] = []
    for name in engine_names():
        try:
            findings += engine(name).doctor()
        except HarnessError as error:
            findings.append(Finding(f"{name} engine", "missing", str(error)))
    return findings


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
