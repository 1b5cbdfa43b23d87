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
ANALOG = "tests/placement/test_analog.py"
PLACE = "tests/placement/test_place.py"
PLAN = "tests/placement/test_plan_reference.py"
# The tests of a file.
TESTS = {
    "harness/accuracy/search.py": ("tests/accuracy/test_search_walk.py",),
    "harness/operators/backend/numpy_backend.py": ("tests/quant/test_arithmetic.py",),
    "harness/stats/energy.py": ("tests/stats/test_energy.py",),
    "harness/placement/adc.py": ("tests/placement/test_adc.py",),
    "harness/placement/analog.py": (ANALOG,),
    "harness/placement/cut.py": ("tests/placement/test_adc.py",),
    "harness/placement/footprint.py": (
        f"{ANALOG}::test_a_program_fits_a_memory_of_its_size",
        f"{PLACE}::test_the_use_of_the_tiles",
        f"{PLACE}::test_a_program_takes_weights_scales_and_activations",
    ),
    "harness/placement/memory.py": (
        "tests/placement/test_arena.py",
        "tests/codegen/test_memory.py",
    ),
    "harness/placement/place.py": (
        f"{ANALOG}::test_calibration_takes_as_many_images_as_fit",
        PLACE,
        f"{PLAN}::test_programmed_conductances_take_the_weights_place",
    ),
    "harness/placement/reference.py": (
        f"{ANALOG}::test_no_images_give_no_outputs",
        f"{ANALOG}::test_a_missing_native_module_is_named",
        f"{PLAN}::test_images_have_epochs_and_batches_do_not_matter",
        f"{PLAN}::test_the_native_tile_and_the_numpy_tile_agree",
        f"{PLAN}::test_every_analog_layer_against_integer_loops",
        f"{PLAN}::test_a_digital_plan_is_the_integer_network",
    ),
    "harness/placement/select.py": ("tests/placement/test_select.py",),
    "harness/placement/summary.py": (PLACE,),
    "harness/placement/tile_arithmetic.py": (
        "tests/aimc_tile/test_arithmetic.py",
        "tests/aimc_tile/test_noise.py",
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


# Prints the difference of each mutant that is named, all in one process.
DIFFERENCES = """
import sys
from mutmut.mutation.diff_apply import get_diff_for_mutant
for name in sys.argv[1:]:
    print(get_diff_for_mutant(name) + chr(0))
"""


def mutmut(folder: Path, *arguments: str) -> str:
    """Its output.  `-S` keeps it from the editable install, which would import the checkout."""
    paths = [os.environ.get("MUTMUT", ""), *(path for path in sys.path if "packages" in path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}
    command = [sys.executable, "-S", *arguments]
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
    mutmut(folder, "-m", "mutmut", "run", "--max-children", "1")
    results = mutmut(folder, "-m", "mutmut", "results", "--all", "true")
    outcomes = re.findall(r"^\s*(\S+): (.+)$", results, re.M)
    alive = [name for name, outcome in outcomes if outcome not in KILLED]
    differences = mutmut(folder, "-c", DIFFERENCES, *alive).split("\0")[:-1] if alive else []
    return len(outcomes), [_survivor(file, difference) for difference in differences]


def _survivor(file: str, difference: str) -> Survivor:
    """The mutant of ``file`` whose unified difference this is."""
    changes = difference.strip().split("\n")[3:]
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
