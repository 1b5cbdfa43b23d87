"""A sweep's points as lines of text: the axes and the key figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from harness.config.preset_files import closest
from harness.errors import HarnessError
from harness.quantities import format_energy, format_ratio, format_time
from harness.safe_text import printable
from harness.sweep.show.labels import short_names, value_text

if TYPE_CHECKING:
    import pandas as pd

_DONE: Final = "done"
_STATUS: Final = "status"
_GAP: Final = "  "
_ERROR_WIDTH: Final = 300
_FIGURES: Final[tuple[tuple[str, str, Callable[[Any], str]], ...]] = (
    ("time", "mapped_time_ns", format_time),
    ("energy", "mapped_energy_pj", format_energy),
    ("speed-up", "speed_up", format_ratio),
    ("energy gain", "energy_gain", format_ratio),
    ("analog layers", "analog_layers", str),
    ("tiles used", "tiles_used", str),
    ("accuracy", "mapped_accuracy_percent", lambda percent: f"{percent:.2f} %"),
    ("digital accuracy", "digital_accuracy_percent", lambda percent: f"{percent:.2f} %"),
)


def sorted_by(
    table: pd.DataFrame, axes: Sequence[str], key: str | None, *, descending: bool
) -> pd.DataFrame:
    """The rows in the order of a column; axes may have their names in the listing.

    Raises:
        HarnessError: There is no such column.
    """
    if key is None:
        return table[::-1] if descending else table
    short = {name: axis for axis, name in short_names(axes).items()}
    short |= {figure: column for figure, column, _ in _FIGURES}
    names = {**short, **{column: column for column in table.columns}}
    if key not in names:
        hint = f"{closest(key, tuple(short))}, and the columns of points.csv"
        raise HarnessError(f"there is no column {key[:64]!r}", where="--sort", hint=hint)
    column = table[names[key]]
    try:
        order = column.sort_values(kind="stable", ascending=not descending).index
    except TypeError:  # numbers and text in one axis
        order = column.astype(str).sort_values(kind="stable", ascending=not descending).index
    return table.loc[order]


def listed(table: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """The axes and the key figures as text, one row per point.

    Figures are for one inference of the mapped program.  A point that is not done has its status
    instead.  Figures that no point has are left out.
    """
    import pandas as pd

    names = short_names(axes)
    columns = {names[axis]: [value_text(value) for value in table[axis]] for axis in axes}
    statuses = ["" if status == _DONE else status.upper() for status in table["status"]]
    if any(statuses):
        columns[_STATUS] = statuses
    for heading, column, text in _FIGURES:
        present = table[column].notna()
        if present.any():
            pairs = zip(table[column], present, strict=True)
            columns[heading] = [text(value) if there else "" for value, there in pairs]
    return pd.DataFrame(columns)


def point_lines(table: pd.DataFrame, axes: Sequence[str]) -> Iterator[str]:
    """The rows of `listed` as aligned lines below a heading."""
    shown = listed(table, axes)
    cells = [shown[column].tolist() for column in shown.columns]
    yield from _aligned(list(shown.columns), cells, left=_left(table, axes))


def failed_lines(table: pd.DataFrame, axes: Sequence[str]) -> Iterator[str]:
    """A line per failed point: its axes and its error."""
    failed = table[table["status"] == "failed"]
    for _, row in failed.iterrows():
        point = ", ".join(
            f"{name} {value_text(row[axis])}" for axis, name in short_names(axes).items()
        )
        error = " ".join(str(row["error"]).split())
        yield f"{point}: {printable(error, _ERROR_WIDTH)}"


def _left(table: pd.DataFrame, axes: Sequence[str]) -> int:
    """How many of the first columns hold text."""
    count = 0
    for axis in axes:
        if not all(isinstance(value, str) for value in table[axis]):
            break
        count += 1
    return count


def _aligned(
    headings: Sequence[str], cells: Sequence[Sequence[str]], *, left: int
) -> Iterator[str]:
    widths = [
        max([len(heading), *map(len, column)])
        for heading, column in zip(headings, cells, strict=True)
    ]
    for row in (headings, *zip(*cells, strict=True)):
        parts = [
            text.ljust(width) if index < left else text.rjust(width)
            for index, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield _GAP.join(parts).rstrip()
