"""The embedded engine's error against gem5 on random systems, where sweeps go.

    python benchmarks/validate_systems.py record --gem5 PATH   # gem5's side, for changed programs
    python benchmarks/validate_systems.py                      # compare; needs no gem5

gem5's side is in results/validation/systems, one file per system, with the SHA-256 of each program
and its system.  The comparison writes systems.csv and systems.png beside that folder.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from validation.cases import Case, Program, make_program_of
from validation.systems import Draw, draws
from validation.systems_picture import draw_systems
from validation.systems_table import SystemRow, culprits, system_row, to_csv

from harness.atomic import atomic_write_text
from harness.data.workloads import FOLDER_VARIABLE
from harness.engines.protocol import RunResult
from harness.engines.registry import engine
from harness.errors import EngineError, HarnessError

RESULTS: Final = Path(__file__).parent.parent / "results" / "validation"
TIMEOUT_S: Final = 7200.0
WAYS: Final = {"digital": "digital", "mapped": "analog"}  # a program and its mapping


def programs(draw: Draw, folder: Path) -> dict[Case, Program]:
    """The programs of one system: each network all digital and mapped."""
    made = {}
    for network in draw.networks:
        for way, mapping in WAYS.items():
            case = Case(network, way)
            config = draw.config(network, mapping, folder)
            made[case] = make_program_of(case, config, folder / draw.name)
    return made


def cycles(result: RunResult) -> dict[str, int]:
    """Cycles of each layer, without what programmed the tiles."""
    if result.exit_code != 0:
        raise EngineError(f"the program ended with exit code {result.exit_code}")
    return {region.name: region.events["cycles"] for region in result.regions if region.region != 0}


def stored(draw: Draw) -> dict[str, Any]:
    """gem5's side of a system by program name; empty if there is none."""
    path = RESULTS / "systems" / f"{draw.name}.json"
    if not path.is_file():
        return {}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))["programs"]
    return found


def record(draw: Draw, folder: Path, gem5: Path | None) -> None:
    """Run on gem5 what has changed since it was last recorded."""
    known = stored(draw)
    for case, program in programs(draw, folder).items():
        if known.get(case.name, {}).get("sha256") == program.sha256:
            continue
        result = engine("gem5", {} if gem5 is None else {"gem5": str(gem5)}).run(
            program.elf, program.simulated, program.regions, timeout_s=TIMEOUT_S
        )
        known[case.name] = {
            "sha256": program.sha256,
            "engine": result.engine_version,
            "cycles": cycles(result),
        }
        document = {"system": draw.system, "values": dict(draw.values), "programs": known}
        target = RESULTS / "systems" / f"{draw.name}.json"
        atomic_write_text(target, json.dumps(document, indent=1) + "\n")
        print(f"{draw.name} {case.name:20} {result.host_seconds:7.1f} s", flush=True)


def compare(draw: Draw, folder: Path) -> list[SystemRow]:
    """Run one system's programs on the embedded engine and set them against gem5's side.

    Raises:
        EngineError: gem5's side of a program is missing, or is that of another program.
    """
    known = stored(draw)
    ours: dict[Case, dict[str, int]] = {}
    for case, program in programs(draw, folder).items():
        entry = known.get(case.name)
        if entry is None or entry["sha256"] != program.sha256:
            what = "was not recorded" if entry is None else "is not the one that was recorded"
            raise EngineError(
                f"the program {case.name} {what} on gem5",
                where=draw.name,
                hint="python benchmarks/validate_systems.py record --gem5 PATH",
            )
        ours[case] = cycles(
            engine("embedded").run(
                program.elf, program.simulated, program.regions, timeout_s=TIMEOUT_S
            )
        )
    return [
        system_row(
            draw,
            network,
            theirs={way: known[f"{network}-{way}"]["cycles"] for way in WAYS},
            ours={way: ours[Case(network, way)] for way in WAYS},
        )
        for network in draw.networks
    ]


def summarize(rows: Sequence[SystemRow]) -> None:
    """Print the mean and the worst errors, and the parameters that they correlate with."""
    both = [error for row in rows for error in (row.digital_error, row.mapped_error)]
    print(f"cycles of all programs: mean absolute error {sum(map(abs, both)) / len(both):.2%}")
    for title, error in (
        ("cycles of digital programs", "digital_error"),
        ("cycles of mapped programs", "mapped_error"),
        ("speed-ups", "speedup_error"),
    ):
        values = {row: getattr(row, error) for row in rows}
        worst = max(rows, key=lambda row: abs(getattr(row, error)))
        mean = sum(map(abs, values.values())) / len(rows)
        with_what = ", ".join(f"{key} {rank:+.2f}" for key, rank in culprits(rows, error))
        print(
            f"{title}: mean absolute error {mean:.2%}, worst {values[worst]:+.2%}"
            f" ({worst.system} {worst.network}); rank correlation with {with_what}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("command", nargs="?", choices=("compare", "record"), default="compare")
    parser.add_argument("--gem5", type=Path, help="the gem5 to record with; default: GEM5, PATH")
    parser.add_argument("--only", nargs="*", help="these systems, for instance system07")
    arguments = parser.parse_args()
    os.environ.pop(FOLDER_VARIABLE, None)  # programs hold their images: the same on any machine
    chosen = [draw for draw in draws() if not arguments.only or draw.name in arguments.only]
    if arguments.command == "compare" and not any(stored(draw) for draw in chosen):
        print("none of these systems has been recorded on gem5: record --gem5 PATH")
        return 0
    rows: list[SystemRow] = []
    with tempfile.TemporaryDirectory() as name:
        try:
            for draw in chosen:
                if arguments.command == "record":
                    record(draw, Path(name), arguments.gem5)
                    continue
                found = compare(draw, Path(name))
                rows += found
                errors = ", ".join(
                    f"{r.network} {r.digital_error:+.2%} {r.mapped_error:+.2%}" for r in found
                )
                print(f"{draw.name}: {errors}", flush=True)
        except HarnessError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    if rows:
        summarize(rows)
        if not arguments.only:
            atomic_write_text(RESULTS / "systems.csv", to_csv(rows))
            draw_systems(rows, RESULTS / "systems.png")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
