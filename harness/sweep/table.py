"""A sweep's points as one table: the axes' values first, then what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.sweep.columns import POINT_COLUMNS
from harness.sweep.plan_file import SweepPlan
from harness.sweep.points import AxisValue

if TYPE_CHECKING:
    import pandas as pd

PENDING: Final = "pending"
"""The status of a point that has no result yet."""
LONG_COLUMNS: Final = ("config", "log")
"""Columns of many lines, which listings leave out."""


def point_table(plan: SweepPlan, points: pd.DataFrame) -> pd.DataFrame:
    """One row per point of ``plan``, in its order.

    Args:
        plan: The sweep's.
        points: Rows by identity, with `POINT_COLUMNS`; rows of other plans are left out.

    Returns:
        The axes, then `POINT_COLUMNS` except columns with the name of an axis.
    """
    import pandas as pd

    rows = points.set_index("identity").reindex(list(plan.identities)).reset_index()
    rows["status"] = rows["status"].fillna(PENDING)
    kept = [column.name for column in POINT_COLUMNS if column.name not in plan.axes]
    axes = {key: _series(values) for key, values in plan.axes.items()}
    return pd.concat([pd.DataFrame(axes, index=rows.index), rows[kept]], axis=1)


def _series(values: tuple[AxisValue, ...]) -> pd.Series:
    """A whole number stays an integer, also beside an empty value."""
    import pandas as pd

    kinds = {type(value) for value in values}
    return pd.Series(values, dtype=None if len(kinds) == 1 else object)


def read_table(folder: Path) -> tuple[SweepPlan, pd.DataFrame]:
    """The plan in ``folder``, and the table of its points.

    Raises:
        HarnessError: It is not a sweep's folder, or a file cannot be read.
    """
    from harness.sweep.plan_file import read_plan
    from harness.sweep.store import read_points

    plan = read_plan(folder)
    return plan, point_table(plan, read_points(folder))
