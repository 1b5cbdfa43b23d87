"""The embedded engine's error against gem5 on programs that it was not calibrated on.

    python benchmarks/validate_embedded.py record --gem5 PATH   # gem5's side, for changed programs
    python benchmarks/validate_embedded.py                      # compare; needs no gem5

gem5's results are in results/validation/gem5, one file per program, with the SHA-256 of the program
and its system. The comparison refuses a changed program. It omits, with a message, programs that
results/validation/superseded.json names: they changed while no gem5 was available. Without such
programs and without --only it writes programs.csv, layers.csv and scatter.png beside that folder.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Final

from validation.cases import (
    Case,
    Program,
    cases,
    from_data,
    make_program,
    without_programming,
)
from validation.compare import (
    LONG_CYCLES,
    LayerRow,
    ProgramRow,
    layer_rows,
    program_row,
    to_csv,
    with_speedups,
)
from validation.picture import draw_scatter

from harness.atomic import atomic_write_text
from harness.data.workloads import FOLDER_VARIABLE
from harness.engines.protocol import RunResult
from harness.engines.registry import engine
from harness.errors import EngineError

RESULTS: Final = Path(__file__).parent.parent / "results" / "validation"
TIMEOUT_S: Final = 7200.0
_LAYER_FIELDS: Final = tuple(field.name for field in fields(LayerRow))


def recorded(case: Case) -> dict[str, object] | None:
    """gem5's side of ``case``, if there is one."""
    path = RESULTS / "gem5" / f"{case.name}.json"
    if not path.is_file():
        return None
    data: dict[str, object] = json.loads(path.read_text(encoding="utf-8"))
    return data


def reference(program: Program) -> RunResult:
    """gem5's side of ``program``.

    Raises:
        EngineError: There is none, or it is for another program.
    """
    data = recorded(program.case)
    if data is None or data["sha256"] != program.sha256:
        what = "was not recorded" if data is None else "is not the one that was recorded"
        raise EngineError(
            f"the program {program.case.name} {what} on gem5",
            where=str(RESULTS / "gem5"),
            hint="python benchmarks/validate_embedded.py record --gem5 PATH",
        )
    result = data["result"]
    assert isinstance(result, dict)
    return from_data(result)


def superseded() -> frozenset[str]:
    """Names of the cases whose gem5 results are known to be of an older program."""
    path = RESULTS / "superseded.json"
    if not path.is_file():
        return frozenset()
    return frozenset(json.loads(path.read_text(encoding="utf-8"))["programs"])


def _no_longer_superseded(name: str) -> None:
    path = RESULTS / "superseded.json"
    left = superseded() - {name}
    if not left:
        path.unlink(missing_ok=True)
        return
    data = json.loads(path.read_text(encoding="utf-8"))
    atomic_write_text(path, json.dumps({**data, "programs": sorted(left)}, indent=1) + "\n")


def record(chosen: Sequence[Case], folder: Path) -> None:
    """Run on gem5 what has changed since it was last recorded."""
    for case in chosen:
        program = make_program(case, folder)
        data = recorded(case)
        if data is not None and data["sha256"] == program.sha256:
            print(f"{case.name:16} is recorded", flush=True)
            continue
        result = engine("gem5").run(
            program.elf, program.simulated, program.regions, timeout_s=TIMEOUT_S
        )
        document = {"sha256": program.sha256, "result": without_programming(result)}
        atomic_write_text(
            RESULTS / "gem5" / f"{case.name}.json", json.dumps(document, indent=1) + "\n"
        )
        _no_longer_superseded(case.name)
        print(f"{case.name:16} {result.host_seconds:7.1f} s", flush=True)


def compare(chosen: Sequence[Case], folder: Path) -> tuple[list[ProgramRow], list[LayerRow]]:
    """Run everything on the embedded engine and compare it with gem5's results."""
    programs: dict[Case, ProgramRow] = {}
    layers: list[LayerRow] = []
    for case in chosen:
        program = make_program(case, folder)
        theirs = reference(program)
        ours = engine("embedded").run(
            program.elf, program.simulated, program.regions, timeout_s=TIMEOUT_S
        )
        ours = from_data(without_programming(ours))
        rows = layer_rows(program, theirs, ours)
        programs[case] = program_row(program, theirs, ours, rows)
        layers += rows
        print(f"{case.name:16} {programs[case].cycles_error:+7.2%} of cycles", flush=True)
    return with_speedups(programs), layers


def publish(programs: Sequence[ProgramRow], layers: Sequence[LayerRow]) -> None:
    """Write the tables and the picture."""
    speeds = [name for name in _names(ProgramRow) if name.endswith("per_s")]
    kept = [name for name in _names(ProgramRow) if name not in speeds]  # a host's speed varies
    atomic_write_text(RESULTS / "programs.csv", to_csv(programs, kept))
    atomic_write_text(RESULTS / "layers.csv", to_csv(layers, [*_LAYER_FIELDS, "error"]))
    draw_scatter(layers, RESULTS / "scatter.png")


def summarize(programs: Sequence[ProgramRow], layers: Sequence[LayerRow]) -> None:
    """Print the mean and the worst errors."""
    long = [row for row in layers if row.gem5_cycles > LONG_CYCLES]
    worst = sorted(long, key=lambda row: -abs(row.error))[:5]
    for title, values in (
        (f"cycles of layers longer than {LONG_CYCLES}", [row.error for row in long]),
        ("cycles of programs", [row.cycles_error for row in programs]),
        ("speed-ups", [row.speedup_error for row in programs]),
        ("L1D misses", [row.l1d_misses_error for row in programs]),
        ("L2 misses", [row.l2_misses_error for row in programs]),
        ("energy", [row.energy_error for row in programs]),
    ):
        known = [abs(value) for value in values if not math.isnan(value)]
        if not known:
            continue
        mean = sum(known) / len(known)
        print(f"{title:36} mean absolute error {mean:6.2%}, worst {max(known):6.2%}")
    print("worst long layers:", ", ".join(f"{r.program} {r.layer} {r.error:+.1%}" for r in worst))


def _names(row: type[ProgramRow]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(row))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", nargs="?", choices=("compare", "record"), default="compare")
    parser.add_argument("--gem5", help="the gem5 to record with; default: the variable GEM5")
    parser.add_argument("--only", nargs="*", help="these cases, for instance lenet5-digital")
    arguments = parser.parse_args()
    os.environ.pop(FOLDER_VARIABLE, None)  # programs hold their images: the same on any machine
    if arguments.gem5:
        os.environ["GEM5"] = arguments.gem5
    chosen = [case for case in cases() if not arguments.only or case.name in arguments.only]
    with tempfile.TemporaryDirectory() as name:
        try:
            if arguments.command == "record":
                record(chosen, Path(name))
            else:
                old = superseded()
                for case in chosen:
                    if case.name in old:
                        print(f"{case.name:16} left out: gem5's side is of an older program")
                current = [case for case in chosen if case.name not in old]
                rows = compare(current, Path(name))
                summarize(*rows)
                if old:
                    print(f"error: {len(old)} programs have to be recorded again", file=sys.stderr)
                    return 1
                if not arguments.only:
                    publish(*rows)
        except EngineError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
