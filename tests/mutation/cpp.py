"""Change the C++ sources of the timing model and the tile one place at a time, and run their tests.

python tests/mutation/cpp.py [file ...]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cpp_mutants import Mutant, mutants
from survivors import Survivor, mutation, report

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT_S = 30
COMPILER = (os.environ.get("CXX", "c++"),)
NATIVE = "harness/engines/embedded/native"
TILE = "aimc_tile/core"
FRAME = (f"{TILE}/tests/main.cc", f"{TILE}/tests/random.cc")
CACHE_TESTS = (
    *(f"{NATIVE}/{name}.cc" for name in ("cache", "tests/reference_cache", "tests/test_cache")),
    *FRAME,
)
DRAM_TESTS = (
    *(f"{NATIVE}/{name}.cc" for name in ("dram", "tests/reference_dram", "tests/test_dram")),
    *FRAME,
)
TILE_TESTS = (
    *(f"{TILE}/{name}.cc" for name in ("arithmetic", "crossbar", "noise", "params")),
    *(f"{TILE}/tests/{name}.cc" for name in ("reference", "test_arithmetic")),
    *FRAME,
)
# The program that tests a file.
PROGRAMS = {
    f"{NATIVE}/cache.cc": CACHE_TESTS,
    f"{NATIVE}/dram.cc": DRAM_TESTS,
    f"{TILE}/arithmetic.cc": TILE_TESTS,
    f"{NATIVE}/cache.hh": CACHE_TESTS,
    f"{NATIVE}/dram.hh": DRAM_TESTS,
}


class Scratch:
    """A copy of the sources and the objects made of them."""

    def __init__(self, folder: Path) -> None:
        self.sources = folder / "sources"
        self.objects = folder / "objects"
        for name in (TILE, NATIVE):
            shutil.copytree(ROOT / name, self.sources / name)

    def object_of(self, source: str) -> Path:
        return self.objects / f"{source.replace('/', '-')}.o"

    def compiles(self, source: str) -> bool:
        self.objects.mkdir(exist_ok=True)
        options = ["-std=c++17", "-O0", "-w", "-I", str(self.sources)]
        files = ["-c", str(self.sources / source), "-o", str(self.object_of(source))]
        return _succeeds([*COMPILER, *options, *files])

    def passes(self, sources: tuple[str, ...]) -> bool:
        """Whether the program of objects that have been compiled passes its tests."""
        program = self.objects / "tests"
        objects = [str(self.object_of(source)) for source in sources]
        return _succeeds([*COMPILER, *objects, "-o", str(program)]) and _succeeds([str(program)])


def _succeeds(command: list[str]) -> bool:
    quiet = subprocess.DEVNULL
    try:
        run = subprocess.run(command, stdout=quiet, stderr=quiet, check=False, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return False
    return run.returncode == 0


def try_file(scratch: Scratch, name: str) -> tuple[int, list[Survivor]]:
    """The number of mutants that compile, and those that pass the tests."""
    program = PROGRAMS[name]
    file = scratch.sources / name
    source = file.read_text(encoding="utf-8")
    if not all(scratch.compiles(part) for part in program) or not scratch.passes(program):
        raise SystemExit(f"{name}: its tests fail as it is")
    touched = (name,) if name in program else program  # a header: all that may include it
    tried, alive = 0, []
    for mutant in mutants(source):
        file.write_text(mutant.apply(source), encoding="utf-8")
        if not all(scratch.compiles(part) for part in touched if part not in FRAME):
            continue
        tried += 1
        if scratch.passes(program):
            alive.append(_survivor(name, source, mutant))
            print(f"{alive[-1].file}:{alive[-1].line}: {alive[-1].mutation}", flush=True)
    file.write_text(source, encoding="utf-8")
    return tried, alive


def _survivor(name: str, source: str, mutant: Mutant) -> Survivor:
    line = source.split("\n")[mutant.line - 1]
    return Survivor(name, mutant.line, mutation(line, mutant.changed(line)))


def main(names: list[str]) -> int:
    tried: dict[str, int] = {}
    survivors: list[Survivor] = []
    with tempfile.TemporaryDirectory() as folder:
        scratch = Scratch(Path(folder))
        for name in names or list(PROGRAMS):
            tried[name], alive = try_file(scratch, name)
            survivors += alive
    return 0 if report(tried, survivors) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
