"""Writing a report's files: everything is made in memory first, then written atomically."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.atomic import atomic_write_bytes
from harness.digest import sha256_of
from harness.report.comparison import Comparison, accuracy_statement, outputs_statement
from harness.report.layers_csv import layers_csv
from harness.report.result_file import result_text

MANIFEST_VERSION: Final = 1


@dataclass(frozen=True)
class ReportFiles:
    """Where a report's files lie."""

    result: Path
    layers: Path
    picture: Path
    roofline: Path
    roofline_picture: Path
    manifest: Path


def report_files(folder: Path) -> ReportFiles:
    """The paths of a report's files in ``folder``, whether they exist or not."""
    return ReportFiles(
        result=folder / "result.json",
        layers=folder / "layers.csv",
        picture=folder / "report.png",
        roofline=folder / "roofline.csv",
        roofline_picture=folder / "roofline.png",
        manifest=folder / "manifest.json",
    )


def write_report(comparison: Comparison, folder: Path) -> ReportFiles:
    """Write result.json, layers.csv, roofline.csv, the pictures and manifest.json into ``folder``.

    ``result.json`` is written last: if it exists, the report is complete.

    Raises:
        StatsError: A figure is not finite; nothing is written.
        HarnessError: A file cannot be written; earlier versions of that file are kept.
    """
    # Drawing loads matplotlib, which takes longer than serving a finished run.
    from harness.report.picture import draw_report
    from harness.report.roofline import draw_roofline, roofline_csv

    files = report_files(folder)
    contents = {
        files.layers: layers_csv(comparison).encode("utf-8"),
        files.picture: draw_report(comparison),
        files.roofline: roofline_csv(comparison).encode("utf-8"),
        files.roofline_picture: draw_roofline(comparison),
    }
    result = result_text(comparison).encode("ascii")
    contents[files.manifest] = _manifest_text(comparison, contents, result).encode("ascii")
    contents[files.result] = result
    for path, data in contents.items():
        atomic_write_bytes(path, data)
    return files


def _manifest_text(comparison: Comparison, contents: dict[Path, bytes], result: bytes) -> str:
    outputs = {path.name: sha256_of(data) for path, data in contents.items()}
    content = {
        "schema": "aimc-harness manifest",
        "version": MANIFEST_VERSION,
        "model": comparison.model.name,
        "weights": "random" if comparison.model.random_weights else "trained",
        "statements": [accuracy_statement(comparison), outputs_statement(comparison)],
        **dataclasses.asdict(comparison.manifest),
        "outputs_sha256": {**outputs, "result.json": sha256_of(result)},
    }
    return json.dumps(content, indent=1, ensure_ascii=True, allow_nan=False) + "\n"
