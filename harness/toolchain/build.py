"""Compile a generated program together with the kernels and the runtime.

Object files of kernels and runtime, and whole programs, are cached by the SHA-256 of all
they are made from: sources, headers, embedded binaries, flags and compiler version.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness import _headers
from harness.atomic import atomic_writer
from harness.cache.folder import OBJECTS, PROGRAMS, SCRATCH, SCRATCH_PREFIX, limit_bytes
from harness.cache.room import make_room
from harness.cache.sealed import SEALED, copy_out, publish
from harness.errors import ToolchainError
from harness.resources import resource
from harness.scratch import remove_abandoned, scratch_folder
from harness.toolchain.compiler import C_FLAGS, COMPILE_FLAGS, LINK_FLAGS, Compiler, find_compiler
from harness.toolchain.inputs import digest_files, source_files
from harness.toolchain.process import Commands

_MESSAGE_LINES: Final = 12
_CHUNK_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class _Unit:
    """One translation unit and the name of its object file."""

    source: Path
    flags: tuple[str, ...]  # without the include folders
    include_dirs: tuple[Path, ...]
    key: str


@dataclass(frozen=True)
class _Cache:
    """The folder of object files, and the receiver of messages about damaged ones."""

    folder: Path
    note: Callable[[str], None]

    def entry(self, made: Path) -> Path:
        return self.folder / f"{made.name}{SEALED}"


def kernel_sources() -> tuple[Path, ...]:
    """The kernels' and the runtime's sources, the entry point first."""
    folders = (resource("kernels/runtime"), resource("kernels/src"))
    sources = [
        path
        for folder in folders
        for path in sorted(folder.iterdir())
        if path.suffix in (".c", ".S")
    ]
    return tuple(sorted(sources, key=lambda path: path.name != "start.S"))


def remove_abandoned_builds(cache_dir: Path) -> None:
    """Remove the remains of killed compilations in ``cache_dir``."""
    remove_abandoned(cache_dir / SCRATCH, SCRATCH_PREFIX)


def compile_program(
    sources: Sequence[Path],
    include_dirs: Sequence[Path],
    out: Path,
    *,
    defines: Mapping[str, str],
    cache_dir: Path,
    note: Callable[[str], None] = lambda _: None,
) -> Path:
    """Compile ``sources`` with the kernels and the runtime to the bare-metal ELF ``out``.

    Args:
        sources: Generated ``.c`` and ``.S`` files.  ``.incbin`` and quoted includes are
            looked up beside the source, then in ``include_dirs``.
        include_dirs: Further folders of headers; those of the kernels and of the tile's
            registers are known.
        out: The program; written atomically, its folder is made.
        defines: Preprocessor definitions for ``sources``; an empty value defines the name
            only.
        cache_dir: Folder of the cache, shared by any number of runs at once.
        note: Gets messages about damaged entries of the cache, which are replaced.

    Returns:
        ``out``.

    Raises:
        ToolchainError: The compiler is missing, rejects a source, or the disk is full; an
            earlier ``out`` is untouched.
        ConfigError: The cache's limit is not a number.
    """
    limit = limit_bytes()
    compiler = find_compiler(cache_dir)
    own_dirs = (resource("kernels/include"), resource("aimc_tile/core"))
    definitions = tuple(
        f"-D{name}={value}" if value else f"-D{name}" for name, value in sorted(defines.items())
    )
    generated_dirs = (*(path.absolute() for path in include_dirs), *own_dirs)
    kernels = [_unit(source, (), own_dirs, compiler) for source in kernel_sources()]
    generated = [
        _unit(source.absolute(), definitions, generated_dirs, compiler) for source in sources
    ]
    script = resource("kernels/runtime/link.ld")
    program_key = digest_files(
        [script], ["program", compiler.version, *LINK_FLAGS, *(u.key for u in kernels + generated)]
    )
    programs = cache_dir.absolute() / PROGRAMS
    objects = cache_dir.absolute() / OBJECTS
    entry = programs / f"{program_key}.elf{SEALED}"
    with _cache_errors(out):
        if copy_out(entry, out, note=note):
            return out
    with _build_folder(cache_dir.absolute() / SCRATCH) as folder:
        cached = _Cache(objects, note)
        kernel_objects = _compile_all(kernels, compiler, folder, cached)
        generated_objects = _compile_all(generated, compiler, folder, None)
        elf = folder / "program.elf"
        _link([*kernel_objects, *generated_objects], _linker_script(script, folder), elf, compiler)
        with _cache_errors(programs):
            publish(elf, entry)
            make_room(cache_dir, limit)
        with _cache_errors(out), elf.open("rb") as source, atomic_writer(out) as target:
            shutil.copyfileobj(source, target, _CHUNK_BYTES)
    return out


@contextlib.contextmanager
def _cache_errors(folder: Path) -> Iterator[None]:
    """Turns a full disk or a forbidden folder into a `ToolchainError`."""
    try:
        yield
    except OSError as error:
        raise ToolchainError(
            f"the compiler's results cannot be stored: {error.strerror}",
            where=str(error.filename or folder),
            hint="check free space and permissions, or name another folder by AIMC_CACHE",
        ) from error


@contextlib.contextmanager
def _build_folder(parent: Path) -> Iterator[Path]:
    with contextlib.ExitStack() as stack:
        with _cache_errors(parent):
            folder = stack.enter_context(scratch_folder(parent, SCRATCH_PREFIX))
        yield folder


def _unit(
    source: Path, definitions: tuple[str, ...], include_dirs: tuple[Path, ...], compiler: Compiler
) -> _Unit:
    language = C_FLAGS if source.suffix == ".c" else ()
    flags = (*COMPILE_FLAGS, *language, *definitions)
    files = source_files(source, include_dirs)
    return _Unit(source, flags, include_dirs, digest_files(files, [compiler.version, *flags]))


def _compile_all(
    units: Sequence[_Unit], compiler: Compiler, folder: Path, cache: _Cache | None
) -> list[Path]:
    """The units' objects in ``folder``, out of ``cache`` if it has them."""
    workers = max(1, min(4, os.cpu_count() or 1))
    commands = Commands()
    pool = ThreadPoolExecutor(workers)
    try:
        return list(pool.map(lambda unit: _object(unit, compiler, commands, folder, cache), units))
    except BaseException:
        commands.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _object(
    unit: _Unit, compiler: Compiler, commands: Commands, folder: Path, cache: _Cache | None
) -> Path:
    made = folder / f"{unit.key}.o"
    if cache is not None:
        with _cache_errors(cache.folder):
            if copy_out(cache.entry(made), made, note=cache.note, durable=False):
                return made
    includes = [f"-I{path}" for path in unit.include_dirs]
    # In the source's folder, by its bare name: neither .incbin nor the object see the full path.
    arguments = [*unit.flags, *includes, "-c", unit.source.name, "-o", str(made)]
    finished = compiler.run(arguments, cwd=unit.source.parent, scratch=folder, commands=commands)
    if finished.returncode != 0 or not made.is_file():
        raise _rejected(unit.source, finished.output)
    if cache is not None:
        with _cache_errors(cache.folder):
            publish(made, cache.entry(made))
    return made


def _linker_script(template: Path, folder: Path) -> Path:
    """``template`` in ``folder``, with the values of kernels/include/platform.h for their names."""
    text = re.sub(
        r"PLATFORM_\w+",
        lambda match: f"{getattr(_headers, match[0]):#x}",
        template.read_text(encoding="ascii"),
    )
    script = folder / template.name
    script.write_text(text, encoding="ascii")
    return script


def _link(objects: Sequence[Path], script: Path, elf: Path, compiler: Compiler) -> None:
    arguments = [*LINK_FLAGS, "-T", str(script), *map(str, objects), "-o", str(elf)]
    finished = compiler.run(arguments, cwd=elf.parent, scratch=elf.parent, commands=Commands())
    if finished.returncode != 0 or not elf.is_file():
        raise _rejected(elf, finished.output)


def _rejected(file: Path, output: str) -> ToolchainError:
    lines = output.strip().splitlines()
    shown = "\n".join(lines[:_MESSAGE_LINES]) or "it printed nothing"
    if "NoSpaceLeft" in output or "No space left" in output:
        hint = "the disk is full: free some space"
    else:
        hint = "this is a defect of the generated program; please report it with these lines"
    return ToolchainError(f"the compiler failed:\n{shown}", where=file.name, hint=hint)
