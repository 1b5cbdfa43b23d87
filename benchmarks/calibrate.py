"""Micro-benchmarks on gem5 and on the embedded engine, side by side.

    python benchmarks/calibrate.py --gem5 PATH    # measure on gem5 again
    python benchmarks/calibrate.py                # our side again, against the stored measurements
    python benchmarks/calibrate.py --only dma     # of the tile's DMA only; or core, bus

Each measures one property of the core, its memory or a tile in a short loop of assembly
(benchmarks/calibration/snippets.py), or of a tile's DMA (benchmarks/calibration/dma.py).
results/calibration has two tables for each attachment of tiles, in core cycles per operation, and
gem5's version.  bus-latencies has the accesses to a tile on the bus, over clocks and cache
latencies.
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from calibration.dma import transfers, write_dma_program
from calibration.program import write_program
from calibration.snippets import snippets

from harness.atomic import atomic_write_text
from harness.cache.folder import cache_dir
from harness.config.load import load_config
from harness.config.schema import SystemConfig
from harness.engines.embedded.elf import read_program
from harness.engines.protocol import RunResult
from harness.engines.registry import engine
from harness.errors import EngineError

RESULTS: Final = Path(__file__).parent.parent / "results" / "calibration"
SYSTEMS: Final = ("alpine-hp", "alpine-hp-bus")
TIMEOUT_S: Final = 3600.0
# A tile that converts so fast that its DMA is the bottleneck.
DMA: Final = (
    "system.tile.io=dma",
    "system.tile.dac_latency_ns=1",
    "system.tile.crossbar_latency_ns=1",
    "system.tile.adc_latency_ns=1",
)
# Of the accesses to a tile on the bus: the core's clock, and the caches' hit latencies.
BUS_CLOCKS_GHZ: Final = (0.5, 0.8, 1.0, 1.3, 2.0, 2.3, 3.0, 3.2)
BUS_HIT_CYCLES: Final = ((2, 20), (1, 20), (4, 20), (2, 8), (2, 30))  # L1D, L2


class Benchmark(Protocol):
    """One region of a program."""

    @property
    def name(self) -> str: ...
    @property
    def shows(self) -> str: ...
    @property
    def total_operations(self) -> int: ...


def the_system(name: str, *overrides: str) -> SystemConfig:
    """The preset with one tile, whose port takes no time."""
    overrides = ("system.tiles=1", "system.tile.io_bandwidth_gb_per_s=1000", *overrides)
    return load_config(system=name, overrides=overrides, run={"model": "lenet5"}).system


def measure(
    engine_name: str, elf: Path, system: SystemConfig, chosen: Sequence[Benchmark]
) -> tuple[dict[str, float], RunResult]:
    """Cycles per operation of each of ``chosen``."""
    names = {region: benchmark.name for region, benchmark in enumerate(chosen)}
    result = engine(engine_name).run(elf, system, names, timeout_s=TIMEOUT_S)
    if result.exit_code != 0:
        raise EngineError(f"the micro-benchmarks ended with exit code {result.exit_code}")
    cycles = {region.name: region.events["cycles"] for region in result.regions}
    return {b.name: cycles[b.name] / b.total_operations for b in chosen}, result


def stored(name: str, sha256: str) -> dict[str, Any]:
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
    cycles: dict[str, Any] = data["cycles"]
    return cycles


def table(
    chosen: Sequence[Benchmark], theirs: Mapping[str, float], ours: Mapping[str, float]
) -> str:
    """CSV: cycles per operation on both engines, and the error."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", "shows", "gem5_cycles", "embedded_cycles", "error"])
    for benchmark in chosen:
        a, b = theirs[benchmark.name], ours[benchmark.name]
        row = [benchmark.name, benchmark.shows, f"{a:.3f}", f"{b:.3f}", f"{b / a - 1:.4f}"]
        writer.writerow(row)
    return text.getvalue()


def calibrate(
    name: str, elf: Path, system: SystemConfig, chosen: Sequence[Benchmark], on_gem5: bool
) -> dict[str, float]:
    """Measure one system and write the table ``name``; gem5's side."""
    sha256 = read_program(elf).sha256
    if on_gem5:
        cycles, result = measure("gem5", elf, system, chosen)
        document = {"sha256": sha256, "gem5": result.engine_version, "cycles": cycles}
        atomic_write_text(RESULTS / f"{name}.json", json.dumps(document, indent=1) + "\n")
    theirs = stored(name, sha256)
    ours, _ = measure("embedded", elf, system, chosen)
    atomic_write_text(RESULTS / f"{name}.csv", table(chosen, theirs, ours))
    errors = sorted(((abs(ours[s] / theirs[s] - 1), s) for s in theirs), reverse=True)
    mean = sum(error for error, _ in errors) / len(errors)
    worst = ", ".join(f"{s} {ours[s] / theirs[s] - 1:+.1%}" for _, s in errors[:5])
    print(f"{name}: {len(errors)} micro-benchmarks, mean absolute error {mean:.2%}; worst: {worst}")
    return theirs


def calibrate_core(folder: Path, on_gem5: bool) -> None:
    """The loops of assembly."""
    elf = write_program(snippets(), folder, cache_dir())
    for name in SYSTEMS:
        calibrate(name, elf, the_system(name), snippets(), on_gem5)


def bus_systems() -> dict[str, SystemConfig]:
    """Systems with a tile on the bus, by what sets them apart."""
    return {
        f"{clock_ghz} GHz, L1D {l1d}, L2 {l2}": the_system(
            "alpine-hp-bus",
            f"system.core.clock_ghz={clock_ghz}",
            f"system.caches.l1d.hit_latency_cycles={l1d}",
            f"system.caches.l2.hit_latency_cycles={l2}",
            f"system.core.load_to_use_latency={l1d + 3}",
        )
        for clock_ghz, (l1d, l2) in itertools.product(BUS_CLOCKS_GHZ, BUS_HIT_CYCLES)
    }


def calibrate_bus(folder: Path, on_gem5: bool) -> None:
    """Accesses to a tile on the bus."""
    name, systems = "bus-latencies", bus_systems()
    chosen = [snippet for snippet in snippets() if snippet.name.startswith("device.")]
    elf = write_program(chosen, folder, cache_dir())
    sha256 = read_program(elf).sha256
    if on_gem5:
        found = {which: measure("gem5", elf, system, chosen) for which, system in systems.items()}
        document = {
            "sha256": sha256,
            "gem5": found[next(iter(found))][1].engine_version,
            "cycles": {which: cycles for which, (cycles, _) in found.items()},
        }
        atomic_write_text(RESULTS / f"{name}.json", json.dumps(document, indent=1) + "\n")
    theirs = stored(name, sha256)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["system", "access", "gem5_cycles", "embedded_cycles", "error"])
    errors = []
    for which, system in systems.items():
        ours, _ = measure("embedded", elf, system, chosen)
        for access, b in ours.items():
            a = theirs[which][access]
            writer.writerow([which, access, f"{a:.3f}", f"{b:.3f}", f"{b / a - 1:.4f}"])
            errors.append(abs(b / a - 1))
    atomic_write_text(RESULTS / f"{name}.csv", text.getvalue())
    mean = sum(errors) / len(errors)
    print(
        f"{name}: {len(errors)} accesses, mean absolute error {mean:.2%}, worst {max(errors):.1%}"
    )


def calibrate_dma(folder: Path, on_gem5: bool) -> None:
    """The tile's DMA."""
    elf = write_dma_program(transfers(), folder, cache_dir())
    for name in SYSTEMS:
        calibrate(f"{name}-dma", elf, the_system(name, *DMA), transfers(), on_gem5)


PARTS: Final = {"core": calibrate_core, "bus": calibrate_bus, "dma": calibrate_dma}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gem5", help="measure with this gem5")
    parser.add_argument("--only", choices=PARTS, help="this part; default: all")
    arguments = parser.parse_args()
    if arguments.gem5:
        os.environ["GEM5"] = arguments.gem5
    failed = False
    for part in [arguments.only] if arguments.only else PARTS:
        with tempfile.TemporaryDirectory() as folder:
            try:
                PARTS[part](Path(folder), bool(arguments.gem5))
            except EngineError as error:
                print(f"error: {error}", file=sys.stderr)
                failed = True
    return int(failed)


if __name__ == "__main__":
    raise SystemExit(main())
