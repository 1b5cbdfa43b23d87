"""Speed-up by accuracy bound: time and energy of the shipped mappings.

    python benchmarks/mapping_speed.py [--only NAME...] [--out DIR]

One inference of each mapping is simulated on the preset `alpine-hp`, by programmed I/O and by DMA.
If outputs differ from the reference's, nothing is written.  `speed.csv` and `speed.md` have the
speed-up and the energy gain over the all-digital program, and the accuracy drop a day after
programming on the test split.  `speed.png` plots one against the other, with all strategies of a
network in one panel.  Cycles do not depend on images or devices.  With `--only` only these are
simulated, and the other rows stay.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from pathlib import Path
from typing import Final

from shipped.folders import (
    Row,
    analog_cells,
    has_mapping,
    lost_cell,
    mapping_folders,
    markdown_table,
    table_rows,
    to_csv,
)
from shipped.picture import draw_speed

from harness.atomic import atomic_write_bytes, atomic_write_text
from harness.config.load import load_config
from harness.pipeline.job import run_job
from harness.progress import Silent
from harness.quantities import format_ratio

SYSTEM: Final = "alpine-hp"
ATTACHMENTS: Final = ("pio", "dma")
FIGURES: Final = tuple(f"{io}_{what}" for io in ATTACHMENTS for what in ("speed_up", "energy_gain"))
HEADINGS: Final = (
    "network",
    "strategy",
    "bound, points",
    "lost after a day, points",
    "analog layers",
    "analog MACs",
    "speed-up, PIO",
    "energy gain, PIO",
    "speed-up, DMA",
    "energy gain, DMA",
    "mapping",
)


def figures(folder: Path) -> dict[str, str]:
    """Speed-ups and energy gains of the mapping in ``folder``, by column."""
    row: dict[str, str] = {}
    for io in ATTACHMENTS:
        config = load_config(
            system=SYSTEM,
            overrides=(f"system.tile.io={io}", "run.timeout_s=3000"),
            run={"model": folder.name.split("-")[0], "mapping": str(folder / "mapping.json")},
        )
        with tempfile.TemporaryDirectory() as out:
            gain = run_job(
                config, Path(out), command=("mapping_speed",), progress=Silent()
            ).comparison.gain
        assert gain is not None
        row[f"{io}_speed_up"] = f"{gain.speed_up:.4f}"
        row[f"{io}_energy_gain"] = f"{gain.energy_gain:.4f}"
    return row


def earlier_figures(path: Path) -> dict[str, dict[str, str]]:
    """The figures of an earlier table by mapping."""
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        return {row["mapping"]: {key: row[key] for key in FIGURES} for row in csv.DictReader(file)}


def to_markdown(rows: list[Row]) -> str:
    """The table for people."""
    cells = [
        (
            row["model"],
            row["strategy"],
            f"{row['drop_points']:g}",
            lost_cell(row),
            *analog_cells(row),
            *(format_ratio(float(row[key])) for key in FIGURES),
            f"`{row['mapping']}`",
        )
        for row in rows
    ]
    return markdown_table(HEADINGS, cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", nargs="+", help="folders to simulate; default: all")
    parser.add_argument("--out", type=Path, default=Path("results/accuracy"))
    options = parser.parse_args()
    folders = mapping_folders()
    names = [folder.name for folder in folders if has_mapping(folder)]
    unknown = set(options.only or ()) - set(names)
    if unknown:
        parser.error(f"no mapping ships as {', '.join(sorted(unknown))}")
    known = earlier_figures(options.out / "speed.csv") if options.only else {}
    for folder in folders:
        if folder.name in (options.only or names):
            known[folder.name] = figures(folder)
            print(folder.name, *(f"{key} {value}" for key, value in known[folder.name].items()))
    rows = [row | known[row["mapping"]] for row in table_rows(folders) if row["mapping"] in known]
    atomic_write_text(options.out / "speed.csv", to_csv(rows))
    atomic_write_text(options.out / "speed.md", to_markdown(rows))
    atomic_write_bytes(options.out / "speed.png", draw_speed(rows))
    print(to_markdown(rows))


if __name__ == "__main__":
    main()
