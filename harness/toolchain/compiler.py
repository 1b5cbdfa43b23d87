"""The AArch64 cross-compiler: clang out of the ziglang package, the same on every machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import ToolchainError
from harness.toolchain.process import Commands, Finished

_TARGET: Final = ("-target", "aarch64-freestanding-none", "-mcpu=cortex_a55")

# No pairs of vector loads: an in-order core splits them and waits for both halves.
# No debug information, build ID or compiler name: equal sources give equal bytes.
COMPILE_FLAGS: Final = (
    *_TARGET,
    "-O3",
    "-mllvm",
    "-aarch64-enable-ldst-opt=false",
    "-g0",
    "-ffreestanding",
    "-fno-ident",
    "-fno-pic",
    "-fno-sanitize=all",
    "-fno-stack-protector",
    "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-ffunction-sections",
    "-fdata-sections",
    "-Wall",
    "-Wextra",
    "-Werror",
)
C_FLAGS: Final = ("-std=c11", "-Wstrict-prototypes", "-Wmissing-prototypes")
LINK_FLAGS: Final = (*_TARGET, "-static", "-nostdlib", "-Wl,--build-id=none", "-Wl,--gc-sections")

_INSTALL_HINT: Final = "install it with: pip install ziglang==0.17.1"


@dataclass(frozen=True)
class Compiler:
    """A tested compiler: its command line prefix and its version."""

    command: tuple[str, ...]
    version: str
    work_folder: Path  # what it keeps between runs

    def run(
        self, arguments: Sequence[str], *, cwd: Path, scratch: Path, commands: Commands
    ) -> Finished:
        """Run it once in ``cwd``; ``scratch`` takes its intermediate results."""
        return commands.run(
            (*self.command, "cc", *arguments),
            cwd=cwd,
            environment=_environment(self.work_folder, scratch),
        )


def _environment(work_folder: Path, scratch: Path) -> Mapping[str, str]:
    # Variables such as CPATH would change what is compiled.
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "SYSTEMROOT") if key in os.environ}
    return {
        **kept,
        "LC_ALL": "C.UTF-8",  # under C, Python cannot start from a folder that is not ASCII
        "ZIG_GLOBAL_CACHE_DIR": str(work_folder),
        "ZIG_LOCAL_CACHE_DIR": str(scratch / "zig"),
    }


def find_compiler(
    cache_dir: Path, *, command: Sequence[str] = (sys.executable, "-m", "ziglang")
) -> Compiler:
    """The compiler, after asking it for its version.

    Args:
        cache_dir: Folder that may be written; the compiler's own caches go below it.
        command: How to start it.

    Raises:
        ToolchainError: It is not installed or does not run.
    """
    work_folder = cache_dir.absolute() / "zig"
    try:
        work_folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ToolchainError(
            f"the compiler's cache folder cannot be made: {error.strerror}",
            where=str(work_folder),
            hint="name a folder that can be written by the variable AIMC_CACHE",
        ) from error
    finished = Commands().run(
        (*command, "version"), cwd=work_folder, environment=_environment(work_folder, work_folder)
    )
    version = finished.output.strip()
    if finished.returncode != 0 or not version[:1].isdigit():
        last_line = version.splitlines()[-1] if version else "it printed nothing"
        raise ToolchainError(
            f"the cross-compiler does not run: {last_line}",
            where=" ".join(command),
            hint=_INSTALL_HINT,
        )
    return Compiler(tuple(command), version, work_folder)
