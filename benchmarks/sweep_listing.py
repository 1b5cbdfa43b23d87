"""Time to read a sweep of 10,000 points from its file, to open it and to list it.

    python benchmarks/sweep_listing.py [--points N]

The points' configurations are real, but their figures are invented: none is simulated.  Times are
processor seconds, which other load affects less; except for reading they are of whole processes.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from harness.config.load import config_to_yaml
from harness.sweep.plan_file import write_plan
from harness.sweep.points import Sweep
from harness.sweep.rows import Row, config_row
from harness.sweep.store import Store
from harness.sweep.sweep_file import read_sweep

READ_S: Final = 10.0
LISTED_S: Final = 5.0
_LAYERS: Final = 20
_BATCH: Final = 256

_FILE: Final = """\
name: many
base: {{model: lenet5}}
grid:
  system.tiles: {{from: 1, to: {tiles}, step: 1}}
  system.tile.io: [pio, dma]
  system.tile.adc_bits: {{from: 4, to: 8, step: 1}}
  system.tile.rows: [64, 96, 128, 160, 192, 224, 256, 320, 384, 512]
"""
_OPENED: Final = """\
import sys
from aimc.sweeps import load_sweep
from harness.sweep.show.listing import point_lines
found = load_sweep(sys.argv[1])
print(sum(1 for _ in point_lines(found.points, found.axes)) - 1, len(found.layers))
"""


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--points", type=int, default=10_000, help="a multiple of 100")
    points = parser.parse_args().points
    with tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "many.yaml"
        file.write_text(_FILE.format(tiles=max(1, points // 100)), encoding="utf-8")
        began = time.process_time()
        sweep = read_sweep(file)
        read_s = time.process_time() - began
        folder = Path(scratch) / "sweeps" / sweep.name
        print(f"storing {len(sweep.points)} invented points", flush=True)
        _store(sweep, folder)
        said, listed_s = _run("-c", _OPENED, str(folder))
        _, shown_s = _run("-m", "aimc.cli.main", "sweep", "show", str(folder))
    print(f"points and layers listed: {said.strip()}")
    print(f"read and checked: {read_s:.1f} s, {read_s / READ_S:.2f} of {READ_S:g} s")
    print(f"opened and listed: {listed_s:.1f} s, {listed_s / LISTED_S:.2f} of {LISTED_S:g} s")
    print(f"aimc sweep show, with tables and pictures: {shown_s:.1f} s")
    return 0 if read_s <= READ_S and listed_s <= LISTED_S else 1


def _run(*arguments: str) -> tuple[str, float]:
    """What a Python process printed, and the seconds of processors that it took."""
    before = _children_s()
    command = [sys.executable, *arguments]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return said, _children_s() - before


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _store(sweep: Sweep, folder: Path) -> None:
    write_plan(sweep, folder)
    store = Store(folder, print)
    for start in range(0, len(sweep.points), _BATCH):
        batch = range(start, min(start + _BATCH, len(sweep.points)))
        points = [_point(sweep, number) for number in batch]
        store.write(points, [layer for row in points for layer in _layers(row["identity"])])
    store.compact()


def _point(sweep: Sweep, number: int) -> Row:
    point = sweep.points[number]
    gain = 1.0 + number % 97 / 10
    return {
        "identity": point.identity,
        "status": "done",
        "attempts": 1,
        "finished_utc": "2026-01-01T00:00:00.000+00:00",
        "host_seconds": 1.0,
        "network": "lenet5",
        "engine": "invented",
        "tiles_used": 5,
        "tiles_wanted": 6,
        "analog_layers": 5,
        "speed_up": gain,
        "energy_gain": gain,
        "digital_time_ns": 1e5,
        "digital_energy_pj": 1e7,
        "mapped_time_ns": 1e5 / gain,
        "mapped_energy_pj": 1e7 / gain,
        **config_row(point.config, config_to_yaml(point.config)),
    }


def _layers(identity: str) -> list[Row]:
    return [
        {
            "identity": identity,
            "program": program,
            "layer": f"layer{number}",
            "operator": "conv",
            "unit": "digital",
            "tiles": 0,
            "macs": 1000,
            "time_ns": 1.0,
            "cycles": 1.0,
            "energy_pj": 1.0,
        }
        for program in ("digital", "mapped")
        for number in range(_LAYERS // 2)
    ]


if __name__ == "__main__":
    sys.exit(main())
