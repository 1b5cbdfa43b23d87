"""The folders of workloads/mappings: each search's outcome, and the mapping that ships for it."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from harness.resources import resource

DAY_S: Final = 86_400.0
YEAR_S: Final = 365 * DAY_S
NETWORKS: Final = ("lenet5", "resnet20", "alexnet", "vgg16")
Row = dict[str, Any]


def mapping_folders() -> list[Path]:
    """Every folder that a search left, by name."""
    return sorted(path.parent for path in resource("workloads/mappings").glob("*/summary.json"))


def summary_of(folder: Path) -> dict[str, Any]:
    """The summary of a search."""
    summary: dict[str, Any] = json.loads((folder / "summary.json").read_text())
    return summary


def has_mapping(folder: Path) -> bool:
    """Whether the mapping itself ships here."""
    return (folder / "mapping.json").exists()


def shipped_as(folder: Path, folders: list[Path]) -> str:
    """The name of the folder that has the mapping found in ``folder``.

    Raises:
        ValueError: No folder has it.
    """
    if has_mapping(folder):
        return folder.name
    keys = ("model", "strategy", "graph_sha256", "analog_layers")
    wanted = [summary_of(folder)[key] for key in keys]
    for other in filter(has_mapping, folders):
        summary = summary_of(other)
        if [summary.get(key) for key in keys] == wanted:
            return other.name
    raise ValueError(f"{folder.name}: its mapping ships nowhere")


def table_row(folder: Path, folders: list[Path]) -> Row:
    """One search: what it found and measured on the test split."""
    summary = summary_of(folder)
    test = [entry for entry in summary["accuracy"] if entry["split"] == "test"]
    confirmed = [e for e in summary["accuracy"] if e["phase"] == "confirmation"]
    by_phase = {entry["phase"]: entry for entry in test if entry["time_s"] is None}
    at = {entry["time_s"]: entry for entry in test if entry["time_s"] is not None}
    row: Row = {
        "model": summary["model"],
        "dataset": summary["dataset"],
        "strategy": summary["strategy"],
        "drop_points": summary["drop_points"],
        "confidence": summary.get("confidence"),
        "confirmed_on": next((entry["repetitions"] for entry in confirmed), 0),
        "analog_layers": len(summary["analog_layers"]),
        "analog_layers_percent": round(summary["analog_layers_percent"], 1),
        "analog_macs_percent": round(summary["analog_macs_percent"], 2),
        "float_percent": round(by_phase["baseline"]["mean_percent"], 2),
        "int8_percent": round(by_phase["digital"]["mean_percent"], 2),
        "test_images": by_phase["baseline"]["images"],
        "validation_images": summary["provenance"]["validation"]["images"],
        "repetitions": at[DAY_S]["repetitions"],
        "day_lost_points": round(
            by_phase["baseline"]["mean_percent"] - at[DAY_S]["mean_percent"], 2
        ),
        # Not measured by searches that did not compare image by image.
        "day_lost_error": at[DAY_S].get("lost_error_points"),
        "mapping": shipped_as(folder, folders),
    }
    for name, seconds in (("now", 1.0), ("day", DAY_S), ("year", YEAR_S)):
        row[f"{name}_percent"] = round(at[seconds]["mean_percent"], 2)
        row[f"{name}_deviation"] = round(at[seconds]["deviation_points"], 2)
    return row


def table_rows(folders: list[Path]) -> list[Row]:
    """All searches, by network, strategy and bound."""
    rows = [table_row(folder, folders) for folder in folders]
    return sorted(
        rows, key=lambda row: (NETWORKS.index(row["model"]), row["strategy"], row["drop_points"])
    )


def to_csv(rows: list[Row]) -> str:
    """The rows under their common keys."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def analog_cells(row: Row) -> tuple[str, str]:
    """The number of analog layers, and their share of the multiply-accumulates."""
    layers = f"{row['analog_layers']} ({row['analog_layers_percent']:.0f} %)"
    return layers, f"{row['analog_macs_percent']:.1f} %"


def lost_cell(row: Row) -> str:
    """Accuracy drop after a day in points, with the standard error where it is known."""
    error = "" if row["day_lost_error"] is None else f" ± {row['day_lost_error']:.2f}"
    return f"{row['day_lost_points']:.2f}{error}"


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table for people."""
    lines = [f"| {' | '.join(cells)} |" for cells in (headings, *rows)]
    return "\n".join([lines[0], "|---" * len(headings) + "|", *lines[1:]]) + "\n"
