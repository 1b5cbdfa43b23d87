"""Micro-benchmarks on gem5 and on the embedded engine, side by side.

    python benchmarks/calibrate.py --gem5 PATH    # measure on gem5 again
    python benchmarks/calibrate.py                # our side again, against the stored measurements

Each is a short loop of assembly that shows one thing of the core, its memory or a tile
(benchmarks/calibration/snippets.py).  results/calibration has one table for each place where tiles
attach, in core cycles an operation, and what gem5 it was.  The latencies of device accesses, which
the attachment presets hold, are worked out of them and printed.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from calibration.program import write_program
from calibration.snippets import Snippet, snippets

from harness.artifacts import atomic_write_text
from harness.config.load import load_config
from harness.config.schema import SystemConfig
from harness.engines.protocol import RunResult
from harness.engines.registry import engine
from harness.errors import EngineError
from harness.pipeline.programs import cache_dir

RESULTS: Final = Path(__file__).parent.parent / "results" / "calibration"
SYSTEMS: Final = ("alpine-hp", "alpine-hp-bus")
TIMEOUT_S: Final = 3600.0
# A device access is sent a cycle after the last one's commit and comes back to a stopped core.
AROUND_AN_ACCESS: Final = 2
DEVICE: Final = {"load_latency_ns": "device.load8", "store_latency_ns": "device.store8"}


def the_system(name: str) -> SystemConfig:
    """The preset with one tile, whose port takes no time."""
    overrides = ["system.tiles=1", "system.tile.io_bandwidth_gb_per_s=1000"]
    return load_config(system=name, overrides=overrides, run={"model": "lenet5"}).system


def measure(
    engine_name: str, elf: Path, system: SystemConfig
) -> tuple[dict[str, float], RunResult]:
    """Cycles an operation of each snippet."""
    chosen = snippets()
    names = {region: snippet.name for region, snippet in enumerate(chosen)}
    result = engine(engine_name).run(elf, system, names, timeout_s=TIMEOUT_S)
    cycles = {region.name: region.events["cycles"] for region in result.regions}
    return {s.name: cycles[s.name] / operations(s) for s in chosen}, result


def operations(snippet: Snippet) -> int:
    return snippet.iterations * snippet.copies * snippet.operations


def stored(name: str, sha256: str) -> dict[str, float]:
    """gem5's measurements of the program of ``sha256``.

    Raises:
        EngineError: There are none.
    """
    path = RESULTS / f"{name}.json"
    data = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if data.get("sha256") != sha256:
        raise EngineError(
            "these micro-benchmarks were not measured on gem5",
            where=str(path),
            hint="python benchmarks/calibrate.py --gem5 PATH",
        )
    cycles: dict[str, float] = data["cycles"]
    return cycles


def table(theirs: Mapping[str, float], ours: Mapping[str, float]) -> str:
    """CSV: cycles an operation on both engines, and the error."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "shows", "gem5_cycles", "embedded_cycles", "error"])
    for snippet in snippets():
        a, b = theirs[snippet.name], ours[snippet.name]
        row = [snippet.name, snippet.shows, f"{a:.3f}", f"{b:.3f}", f"{b / a - 1:.4f}"]
        writer.writerow(row)
    return text.getvalue()


def calibrate(name: str, elf: Path, on_gem5: bool) -> None:
    """Measure one system and write its table."""
    system = the_system(name)
    sha256 = hashlib.sha256(elf.read_bytes()).hexdigest()
    if on_gem5:
        cycles, result = measure("gem5", elf, system)
        document = {"sha256": sha256, "gem5": result.engine_version, "cycles": cycles}
        atomic_write_text(RESULTS / f"{name}.json", json.dumps(document, indent=1) + "\n")
    theirs = stored(name, sha256)
    ours, _ = measure("embedded", elf, system)
    atomic_write_text(RESULTS / f"{name}.csv", table(theirs, ours))
    errors = sorted(((abs(ours[s] / theirs[s] - 1), s) for s in theirs), reverse=True)
    mean = sum(error for error, _ in errors) / len(errors)
    worst = ", ".join(f"{s} {ours[s] / theirs[s] - 1:+.1%}" for _, s in errors[:5])
    print(f"{name}: {len(errors)} micro-benchmarks, mean absolute error {mean:.2%}; worst: {worst}")
    for key, snippet in DEVICE.items():
        latency = (int(theirs[snippet]) - AROUND_AN_ACCESS) / system.core.clock_ghz
        print(f"  attach.{key}: at most {latency:.3f}, preset {getattr(system.attach, key):.3f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gem5", help="measure with this gem5")
    arguments = parser.parse_args()
    if arguments.gem5:
        os.environ["GEM5"] = arguments.gem5
    with tempfile.TemporaryDirectory() as folder:
        try:
            elf = write_program(snippets(), Path(folder), cache_dir())
            for name in SYSTEMS:
                calibrate(name, elf, on_gem5=bool(arguments.gem5))
        except EngineError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
