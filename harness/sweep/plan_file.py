"""``sweep.json``: the plan of a sweep, beside its results.

Identities are listed in the points' order, and every axis has its distinct values and, for each
point, the number of its own among them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.atomic import atomic_write_text
from harness.budget import JSON_BYTES, SWEEP_POINTS
from harness.errors import HarnessError
from harness.reading import read_regular
from harness.sweep.points import AxisValue, Sweep

PLAN_FILE: Final = "sweep.json"
TEXT_FILE: Final = "sweep.yaml"
"""The sweep file as it was read; for people."""

_Identity = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_Number = Annotated[int, Field(ge=0, lt=SWEEP_POINTS)]


@dataclass(frozen=True)
class SweepPlan:
    """What a sweep consists of.

    Attributes:
        name: The sweep's.
        axes: By key, in the file's order, the value of each point.
        identities: The points' identities, in the file's order.
    """

    name: str
    axes: dict[str, tuple[AxisValue, ...]]
    identities: tuple[str, ...]


class _Axis(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    key: Annotated[str, Field(max_length=256)]
    values: list[str | int | float | bool | None]
    points: list[_Number]


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal["aimc-sweep"]
    version: Annotated[int, Field(ge=1, le=1)]
    name: Annotated[str, Field(max_length=64)]
    axes: list[_Axis]
    identities: Annotated[list[_Identity], Field(max_length=SWEEP_POINTS)]


def plan_of(sweep: Sweep) -> SweepPlan:
    """The plan of ``sweep``."""
    axes = {key: tuple(point.axes[key] for point in sweep.points) for key in sweep.axes}
    return SweepPlan(sweep.name, axes, tuple(point.identity for point in sweep.points))


def write_plan(sweep: Sweep, folder: Path) -> None:
    """Write the plan of ``sweep`` and its text into ``folder``.

    Raises:
        HarnessError: They cannot be written.
    """
    plan = plan_of(sweep)
    document = {
        "format": "aimc-sweep",
        "version": 1,
        "name": plan.name,
        "axes": [_axis(key, values) for key, values in plan.axes.items()],
        "identities": plan.identities,
    }
    atomic_write_text(folder / TEXT_FILE, sweep.text)
    atomic_write_text(folder / PLAN_FILE, json.dumps(document, separators=(",", ":")) + "\n")


def read_plan(folder: Path) -> SweepPlan:
    """The plan in ``folder``.

    Raises:
        HarnessError: There is none, or `write_plan` did not write it.
    """
    path = folder / PLAN_FILE
    try:
        data = read_regular(path, JSON_BYTES)
    except FileNotFoundError as error:
        raise HarnessError(
            f"this is no sweep's folder: it has no {PLAN_FILE}",
            where=str(folder),
            hint="name the folder that aimc sweep run wrote, by default sweeps/NAME",
        ) from error
    except OSError as error:
        raise HarnessError(
            f"the plan cannot be read: {error.strerror or error}", where=str(path)
        ) from error
    try:
        found = _File.model_validate_json(data)
    except ValidationError as error:
        raise _damaged(path, str(error.errors()[0]["msg"])) from error
    axes: dict[str, tuple[AxisValue, ...]] = {}
    for axis in found.axes:
        if len(axis.points) != len(found.identities) or axis.key in axes:
            raise _damaged(path, f"the axis {axis.key[:64]!r} does not fit the points")
        if max(axis.points, default=0) >= max(1, len(axis.values)):
            raise _damaged(path, f"the axis {axis.key[:64]!r} has too few values")
        axes[axis.key] = tuple(axis.values[number] for number in axis.points)
    return SweepPlan(found.name, axes, tuple(found.identities))


def _axis(key: str, values: tuple[AxisValue, ...]) -> dict[str, object]:
    numbers: dict[tuple[type, AxisValue], int] = {}
    points = [numbers.setdefault((type(value), value), len(numbers)) for value in values]
    return {"key": key, "values": [value for _, value in numbers], "points": points}


def _damaged(path: Path, what: str) -> HarnessError:
    return HarnessError(
        f"the plan is damaged: {what}",
        where=str(path),
        hint="run aimc sweep run again with the same sweep file: it writes it anew",
    )
