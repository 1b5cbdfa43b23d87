"""The tables of a sweep's folder, and its pictures with their numbers."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.atomic import atomic_write_bytes, atomic_write_text
from harness.sweep.plan_file import SweepPlan
from harness.sweep.table import LONG_COLUMNS

if TYPE_CHECKING:
    import pandas as pd

POINTS: Final = "points"
LAYERS: Final = "layers"
PICTURES: Final = "pictures"
_SUFFIXES: Final = (".png", ".svg", ".csv")


@dataclass(frozen=True)
class Written:
    """The files written.

    Attributes:
        tables: Their files.
        pictures: The PNG file of each.
        missing: The reasons for missing pictures.
    """

    tables: tuple[Path, ...]
    pictures: tuple[Path, ...]
    missing: tuple[str, ...]


def write_outputs(
    folder: Path, plan: SweepPlan, table: pd.DataFrame, layers: pd.DataFrame
) -> Written:
    """Write tables and pictures of a sweep into its ``folder``, instead of earlier pictures.

    Raises:
        HarnessError: A file cannot be written.
    """
    tables = (
        folder / f"{POINTS}.csv",
        folder / f"{POINTS}.parquet",
        folder / f"{LAYERS}.parquet",
    )
    atomic_write_text(tables[0], points_csv(table))
    atomic_write_bytes(tables[1], _parquet(_one_kind(table, plan.axes)))
    atomic_write_bytes(tables[2], _parquet(layers[layers["identity"].isin(plan.identities)]))
    pictures, missing = write_pictures(folder / PICTURES, plan, table)
    return Written(tables, pictures, missing)


def points_csv(table: pd.DataFrame) -> str:
    """The table as CSV, without the columns that have many lines."""
    text: str = table.drop(columns=list(LONG_COLUMNS)).to_csv(index=False)
    return text


def write_pictures(
    folder: Path, plan: SweepPlan, table: pd.DataFrame
) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Draw and write the pictures; returns their PNG files and the reasons for missing ones.

    Raises:
        HarnessError: A file cannot be written.
    """
    from harness.sweep.show.choose import draw_pictures

    drawn, missing = draw_pictures(table, list(plan.axes), plan.name)
    for old in folder.glob("*"):
        if old.suffix in _SUFFIXES:
            old.unlink(missing_ok=True)
    for picture in drawn:
        atomic_write_bytes(folder / f"{picture.name}.png", picture.png)
        atomic_write_bytes(folder / f"{picture.name}.svg", picture.svg)
        atomic_write_text(folder / f"{picture.name}.csv", picture.csv)
    return tuple(folder / f"{picture.name}.png" for picture in drawn), tuple(missing)


def _one_kind(table: pd.DataFrame, axes: Iterable[str]) -> pd.DataFrame:
    """Parquet's columns have one type, so an axis of several types becomes text."""
    mixed = [
        axis for axis in axes if len({type(value) for value in table[axis]} - {type(None)}) > 1
    ]
    return table.assign(**{axis: table[axis].astype(str) for axis in mixed})


def _parquet(frame: pd.DataFrame) -> bytes:
    stream = io.BytesIO()
    frame.to_parquet(stream, index=False, compression="zstd")
    return stream.getvalue()
