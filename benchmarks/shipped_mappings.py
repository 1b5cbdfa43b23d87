"""The mappings that ship with the project: their accuracies in one table, and simulated.

    python benchmarks/shipped_mappings.py [--dataset cifar10-jpeg.npz] [--only NAME...] [--out DIR]

`mappings.csv` and `mappings.md` have each search's measurements on the test split.  If several
bounds gave the same mapping it ships once, and the other folders have only the measurements; the
last column names the mapping.  With a dataset, or for the bundled digits, every mapping is also
simulated on 100 test images with the tile's noise on.  `simulated.csv` shows whether all outputs
equal the reference's, and whether the accuracy is that of the evaluation path over many draws of
that noise.  With `--only` only these are simulated, and the other rows stay.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from pathlib import Path

import numpy as np
from scipy import stats
from shipped.folders import (
    Row,
    analog_cells,
    has_mapping,
    lost_cell,
    mapping_folders,
    markdown_table,
    summary_of,
    table_rows,
    to_csv,
)

from harness.accuracy.evaluate import Evaluator
from harness.atomic import atomic_write_text
from harness.config.load import load_config, load_loop_config
from harness.data.workloads import workload_for
from harness.mapping.resolve import resolve_mapping
from harness.pipeline.job import run_job
from harness.pipeline.prepare import prepare
from harness.progress import Silent

IMAGES = 100  # simulated
DRAWS = 20  # of the tile's noise, in the evaluation path
HEADINGS = (
    "network",
    "dataset",
    "float",
    "int8",
    "strategy",
    "bound, points",
    "confidence",
    "confirmed on",
    "analog layers",
    "analog MACs",
    "now",
    "after a day",
    "lost after a day, points",
    "after a year",
    "validation images",
    "n",
    "mapping",
)


def simulated_row(folder: Path, dataset: Path | None, out: Path) -> Row:
    """One mapping, simulated and evaluated on the same images."""
    summary = summary_of(folder)
    model = summary["model"]
    run = {"model": model, "mapping": str(folder / "mapping.json"), "images": IMAGES, "warmup": 0}
    if dataset is not None:
        run["dataset"] = str(dataset)
    config = load_config(
        system="alpine-hp",
        overrides=("system.tile.noise=true", "run.timeout_s=3000"),
        run=run,
    )
    # A difference in one byte of one image raises here.
    job = run_job(config, out, command=("shipped_mappings",), progress=Silent())
    assert job.comparison.accuracy is not None
    correct = {entry.what: entry.correct for entry in job.comparison.accuracy.entries}
    prepared = prepare(config)
    assert prepared.samples.labels is not None
    conductances = resolve_mapping(config.run.mapping, prepared.network).conductances
    assert conductances is not None
    labels = prepared.samples.labels[:IMAGES]
    evaluator = Evaluator(
        prepared.network,
        prepared.samples.images[:IMAGES],
        labels,
        system=config.system,
        noise=load_loop_config(noise="none").noise,
    )
    draws = [
        100 * float((evaluator.outputs(conductances, seed=seed).argmax(axis=-1) == labels).mean())
        for seed in range(DRAWS)
    ]
    mean, deviation = float(np.mean(draws)), float(np.std(draws, ddof=1))
    # One more draw of the noise lies in this interval with 95 % probability; images come whole.
    reach = float(stats.t.ppf(0.975, DRAWS - 1)) * deviation * (1 + 1 / DRAWS) ** 0.5 + 50 / IMAGES
    simulated = 100 * correct["mapped, simulated"] / IMAGES
    return {
        "model": model,
        "strategy": summary["strategy"],
        "drop_points": summary["drop_points"],
        "images": IMAGES,
        "differing_bytes": sum(check.mismatches for check in job.comparison.outputs),
        "digital_simulated_percent": 100 * correct["digital, simulated"] / IMAGES,
        "mapped_simulated_percent": simulated,
        "evaluated_percent": round(mean, 2),
        "evaluated_deviation": round(deviation, 2),
        "agrees": abs(simulated - mean) <= reach,
    }


def earlier_rows(path: Path, folders: list[Path]) -> dict[str, Row]:
    """Of a table of simulations, the rows of ``folders``, by their names."""
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        rows: list[Row] = list(csv.DictReader(file))
    named = {f"{r['model']}-{r['strategy']}-{float(r['drop_points']):g}": r for r in rows}
    return {folder.name: named[folder.name] for folder in folders if folder.name in named}


def to_markdown(rows: list[Row]) -> str:
    """The table for people."""
    table = []
    for row in rows:
        times = [
            f"{row[f'{name}_percent']:.2f} ± {row[f'{name}_deviation']:.2f}"
            for name in ("now", "day", "year")
        ]
        cells = [
            row["model"],
            row["dataset"],
            f"{row['float_percent']:.2f}",
            f"{row['int8_percent']:.2f}",
            row["strategy"],
            f"{row['drop_points']:g}",
            "mean" if row["confidence"] is None else f"{row['confidence']:g}",
            f"{row['confirmed_on']} sets" if row["confirmed_on"] else "",
            *analog_cells(row),
            *times[:2],
            lost_cell(row),
            times[2],
            str(row["validation_images"]),
            str(row["repetitions"]),
            f"`{row['mapping']}`",
        ]
        table.append(cells)
    return markdown_table(HEADINGS, table)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--dataset", type=Path, help="of the networks that are not on digits")
    parser.add_argument("--only", nargs="+", help="folders to simulate; default: all")
    parser.add_argument("--out", type=Path, default=Path("results/accuracy"))
    options = parser.parse_args()
    folders = mapping_folders()
    table = table_rows(folders)
    atomic_write_text(options.out / "mappings.csv", to_csv(table))
    atomic_write_text(options.out / "mappings.md", to_markdown(table))
    print(to_markdown(table))
    shipped = [folder for folder in folders if has_mapping(folder)]
    unknown = set(options.only or ()) - {folder.name for folder in shipped}
    if unknown:
        parser.error(f"no mapping ships as {', '.join(sorted(unknown))}")
    table_file = options.out / "simulated.csv"
    simulated = earlier_rows(table_file, shipped) if options.only else {}
    for folder in shipped:
        if options.only and folder.name not in options.only:
            continue
        model = summary_of(folder)["model"]
        workload = workload_for(model)
        bundled = workload is not None and workload.dataset == "digits"
        if not bundled and options.dataset is None:
            print(f"{folder.name}: not simulated, no dataset is named")
            continue
        with tempfile.TemporaryDirectory() as name:
            row = simulated_row(folder, None if bundled else options.dataset, Path(name))
        print(", ".join(f"{key} {value}" for key, value in row.items()))
        simulated[folder.name] = row
    if simulated:
        atomic_write_text(table_file, to_csv([simulated[name] for name in sorted(simulated)]))


if __name__ == "__main__":
    main()
