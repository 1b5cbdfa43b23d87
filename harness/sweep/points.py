"""The points of a sweep, each with a whole configuration and an identity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from harness.config.loop_schema import LoopConfig
from harness.config.schema import Config

AxisValue: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True)
class Point:
    """One combination of the axes' values.

    Attributes:
        identity: SHA-256, in hexadecimal, over all that the point's numbers depend on; two points
            with one identity are measured once.
        axes: The values that make this point, by the keys of `Sweep.axes`.
        config: The whole configuration.  Where ``search`` is given, its mapping is what the search
            finds.
        search: How the mapping is searched under an accuracy bound; None: ``config`` names it.
    """

    identity: str
    axes: Mapping[str, AxisValue]
    config: Config
    search: LoopConfig | None = None


@dataclass(frozen=True)
class Sweep:
    """A complete, checked sweep file.

    Attributes:
        name: Names the sweep's folder.
        source: The file.
        text: Its content.
        axes: The keys that vary, in the file's order.
        points: In the file's order; identities may repeat.
    """

    name: str
    source: Path
    text: str
    axes: tuple[str, ...]
    points: tuple[Point, ...]
