"""Change the C++ sources of the timing model and the tile one place at a time, and run their tests.

python tests/mutation/cpp.py [file ...]
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cpp_mutants import Mutant, mutants
from survivors import Survivor, mutation, report

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("CMakeLists.txt", "aimc_tile/core", "harness/engines/embedded/native")
TIMEOUT_S = 30
NATIVE = "harness/engines/embedded/native"
EMBEDDED_TESTS = f"{NATIVE}/tests/aimc_embedded_tests"
TILE_TESTS = "aimc_tile/core/tests/aimc_tile_core_tests"
# The program that tests a file, and its suites, the quickest first.
TESTS = {
    f"{NATIVE}/cache.hh": (EMBEDDED_TESTS, ("cache_", "dram_")),
    f"{NATIVE}/cache.cc": (EMBEDDED_TESTS, ("cache_", "dram_")),
    f"{NATIVE}/dram.hh": (EMBEDDED_TESTS, ("dram_",)),
    f"{NATIVE}/dram.cc": (EMBEDDED_TESTS, ("dram_",)),
    "aimc_tile/core/arithmetic.cc": (TILE_TESTS, ("arithmetic_", "")),
}


class Scratch:
    """A copy of the sources, built without optimisation."""

    def __init__(self, folder: Path) -> None:
        self.sources = folder / "sources"
        self.build = folder / "build"
        for name in COPIED:
            source, copy = ROOT / name, self.sources / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, copy)
            else:
                shutil.copy(source, copy)
        options = ["-DAIMC_BUILD_TESTS=ON", "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS=-g0"]
        configure = ["cmake", *options, "-S", str(self.sources), "-B", str(self.build)]
        subprocess.run(configure, check=True, stdout=subprocess.DEVNULL)

    def compiles(self, target: str) -> bool:
        command = ["cmake", "--build", str(self.build), "--target", target]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def passes(self, program: str, suite: str) -> bool:
        command = [str(self.build / program), suite]
        try:
            run = subprocess.run(command, capture_output=True, check=False, timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            return False
        return run.returncode == 0


def try_file(scratch: Scratch, name: str) -> tuple[int, list[Survivor]]:
    """The number of mutants that compile, and those that pass the tests."""
    program, suites = TESTS[name]
    file = scratch.sources / name
    source = file.read_text(encoding="utf-8")
    target = Path(program).name
    if not scratch.compiles(target) or not all(scratch.passes(program, s) for s in suites):
        raise SystemExit(f"{name}: its tests fail as it is")
    tried, alive = 0, []
    for mutant in mutants(source):
        file.write_text(mutant.apply(source), encoding="utf-8")
        if not scratch.compiles(target):
            continue
        tried += 1
        if all(scratch.passes(program, suite) for suite in suites):
            alive.append(_survivor(name, source, mutant))
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
        for name in names or list(TESTS):
            tried[name], alive = try_file(scratch, name)
            survivors += alive
    return 0 if report(tried, survivors) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
