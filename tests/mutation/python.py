"""Run mutmut over the Python modules that decide numbers, each with the tests meant for it.

    python tests/mutation/python.py [file ...]

It needs mutmut 3.8.1, in a folder of its own: pip install --target FOLDER mutmut==3.8.1, and
MUTMUT=FOLDER.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from survivors import Survivor, mutation, report

ROOT = Path(__file__).resolve().parents[2]
COPIED = ("harness", "tests", "kernels", "workloads", "aimc_tile", "gem5_configs", "pyproject.toml")
NATIVE_MODULES = ("harness._tile", "harness.accuracy._codes", "harness.engines.embedded._engine")
PLACE = ("tests/placement/test_place.py", "tests/placement/test_select.py")
PLAN = (*PLACE, "tests/placement/test_plan_reference.py", "tests/placement/test_analog.py")
# The tests of a file.
TESTS = {
    "harness/quant/arithmetic.py": ("tests/quant/test_arithmetic.py",),
    "harness/stats/energy.py": ("tests/stats/test_energy.py",),
    "harness/placement/adc.py": ("tests/placement/test_adc.py",),
    "harness/placement/analog.py": ("tests/placement/test_analog.py", *PLAN),
    "harness/placement/cut.py": ("tests/placement/test_adc.py",),
    "harness/placement/footprint.py": PLACE,
    "harness/placement/memory.py": (
        "tests/placement/test_arena.py",
        "tests/codegen/test_memory.py",
    ),
    "harness/placement/place.py": PLAN,
    "harness/placement/plan.py": PLACE,
    "harness/placement/reference.py": PLAN,
    "harness/placement/select.py": PLACE,
    "harness/placement/summary.py": PLACE,
    "harness/placement/tile_arithmetic.py": (
        "tests/tile/test_arithmetic.py",
        "tests/tile/test_noise.py",
    ),
}
# Tests that take long, or that hypothesis would shrink the failure of for every single mutant.
LEFT_OUT = " and ".join(
    f"not {name}"
    for name in (
        "any_geometry",
        "close_to_float",
        "live_together",
        "over_the_whole_range",
        "binding_equals_numpy",
        "few_samples_leave_room",
        "output_noise_has_the_stated",
        "standard_normal",
        "uncorrelated",
        "noise_of_the_model",
    )
)
KILLED = {"killed", "timeout", "caught by type check"}


def settings(file: str) -> str:
    """What mutmut reads from setup.cfg."""
    also = "".join(f"\n  {name}" for name in COPIED if name not in ("harness", "tests"))
    tests = "".join(f"\n  {name}" for name in TESTS[file])
    options = f"\n  -n0\n  -x\n  -k\n  {LEFT_OUT}"
    return (
        f"[mutmut]\nsource_paths=harness\nonly_mutate={file}\nalso_copy={also}\n"
        f"pytest_add_cli_args_test_selection={tests}\npytest_add_cli_args={options}\n"
    )


def mutmut(folder: Path, *arguments: str) -> str:
    """Its output.  `-S` keeps it from the editable install, which would import the checkout."""
    paths = [os.environ.get("MUTMUT", ""), *(path for path in sys.path if "packages" in path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}
    command = [sys.executable, "-S", "-m", "mutmut", *arguments]
    run = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {(run.stdout + run.stderr)[-2000:]}")
    return run.stdout


def try_file(folder: Path, file: str) -> tuple[int, list[Survivor]]:
    """The number of mutants of ``file``, and those that pass its tests."""
    shutil.rmtree(folder / "mutants", ignore_errors=True)
    (folder / "setup.cfg").write_text(settings(file), encoding="utf-8")
    mutmut(folder, "run", "--max-children", "1")
    outcomes = re.findall(r"^\s*(\S+): (.+)$", mutmut(folder, "results", "--all", "true"), re.M)
    alive = [name for name, outcome in outcomes if outcome not in KILLED]
    return len(outcomes), [_survivor(folder, file, name) for name in alive]


def _survivor(folder: Path, file: str, name: str) -> Survivor:
    """The mutant ``name`` as its difference to ``file``."""
    changes = mutmut(folder, "show", name).split("\n")[3:]
    before = [line[1:] for line in changes if line.startswith("-")]
    after = [line[1:] for line in changes if line.startswith("+")]
    lines = [line.strip() for line in (ROOT / file).read_text(encoding="utf-8").split("\n")]
    first = before[0].strip() if before else ""
    return Survivor(
        file,
        lines.index(first) + 1 if first in lines else 0,
        mutation(" ".join(before), " ".join(after)),
    )


def main(files: list[str]) -> int:
    tried: dict[str, int] = {}
    survivors: list[Survivor] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in COPIED:
            if (ROOT / part).is_dir():
                shutil.copytree(ROOT / part, folder / part)
            else:
                shutil.copy(ROOT / part, folder / part)
        for module in NATIVE_MODULES:
            spec = importlib.util.find_spec(module)
            if spec is not None and spec.origin is not None:
                shutil.copy(spec.origin, folder / Path(*module.split(".")[:-1]))
        for file in files or list(TESTS):
            tried[file], alive = try_file(folder, file)
            survivors += alive
            print(f"{file}: {tried[file] - len(alive)} of {tried[file]}", flush=True)
            for survivor in alive:
                print(f"  {survivor.line}: {survivor.mutation}", flush=True)
    return 0 if report(tried, survivors) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
