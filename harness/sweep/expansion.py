"""From base and axes to checked points; an error names its place in the file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from harness.budget import SWEEP_POINTS
from harness.config.loop_schema import LoopConfig
from harness.config.schema import Config
from harness.config.yaml_reader import YamlPath
from harness.engines.protocol import EngineOptions
from harness.errors import EngineError, HarnessError
from harness.sweep.axes import MOST_TILES, Axis, Value, combinations
from harness.sweep.configs import ConfigMaker, ImpossibleError
from harness.sweep.enough import enough_tiles
from harness.sweep.identities import Identities
from harness.sweep.keys import (
    CHECKPOINT,
    DATASET,
    ENGINE,
    ENOUGH,
    MAPPING,
    MODEL,
    TILES,
    Settings,
)
from harness.sweep.places import Places
from harness.sweep.points import AxisValue, Point
from harness.sweep.where import Condition

_FILES = (MODEL, MAPPING, CHECKPOINT, DATASET)


@dataclass(frozen=True)
class Declared:
    """The content of a sweep file, key by key.

    Attributes:
        base: Values of all points.
        base_paths: Their places in the file.
        groups: The axes; axes of one group vary together.
        conditions: All of them hold for a point that is kept.
        places: For messages.
    """

    base: Settings
    base_paths: Mapping[str, YamlPath]
    groups: Sequence[Sequence[Axis]]
    conditions: Sequence[Condition]
    places: Places

    @property
    def axes(self) -> tuple[Axis, ...]:
        return tuple(axis for group in self.groups for axis in group)


@dataclass
class _Expansion:
    declared: Declared
    identities: Identities
    maker: ConfigMaker = field(default_factory=ConfigMaker)
    enough: dict[object, int] = field(default_factory=dict)

    def points(self) -> Iterator[Point]:
        """The points in the file's order, none twice."""
        axes = self.declared.axes
        depends = any(axis.has_enough for axis in axes)
        seen: set[tuple[AxisValue, ...]] = set()
        for values in combinations(self.declared.groups):
            found = self._resolved(axes, values) if depends else values
            if found is None:
                continue
            shown = {axis.key.text: value.shown for axis, value in zip(axes, found, strict=True)}
            if depends:
                mark = tuple(shown.values())
                if mark in seen:
                    continue
                seen.add(mark)
            if all(condition(shown) for condition in self.declared.conditions):
                yield self._point(axes, found, shown)

    def _settings(self, axes: Sequence[Axis], values: Sequence[Value]) -> dict[str, AxisValue]:
        settings = dict(self.declared.base)
        settings.update((axis.key.path, v.value) for axis, v in zip(axes, values, strict=True))
        return settings

    def _resolved(
        self, axes: Sequence[Axis], values: tuple[Value, ...]
    ) -> tuple[Value, ...] | None:
        """The values with ``enough`` tiles as a number; None if it is below this one."""
        index = next(index for index, axis in enumerate(axes) if axis.has_enough)
        value = values[index]
        if value.value != ENOUGH and not value.below_enough:
            return values
        number = self._enough_tiles(axes, values)
        if value.value == ENOUGH:
            exact = Value(number, number, value.path)
            return (*values[:index], exact, *values[index + 1 :])
        assert isinstance(value.value, int | float)
        return values if value.value < number else None

    def _enough_tiles(self, axes: Sequence[Axis], values: tuple[Value, ...]) -> int:
        settings = self._settings(axes, values) | {TILES: ENOUGH}
        mark = tuple((type(item), item) for item in settings.values())
        if mark not in self.enough:
            try:
                config = self.maker.config(settings)
                self.enough[mark] = enough_tiles(config, most=MOST_TILES)
            except HarnessError as error:
                self._blame(error, settings, axes, values)
        return self.enough[mark]

    def _point(
        self, axes: Sequence[Axis], values: Sequence[Value], shown: Mapping[str, AxisValue]
    ) -> Point:
        settings = self._settings(axes, values)
        try:
            config, search = self._made(settings)
            identity = self.identities.of(config, search)
        except HarnessError as error:
            self._blame(error, settings, axes, values)
        return Point(identity, shown, config, search)

    def _made(self, settings: Settings) -> tuple[Config, LoopConfig | None]:
        config = self.maker.config(settings)
        return config, self.maker.search(settings, config)

    def _blame(
        self,
        error: HarnessError,
        settings: Settings,
        axes: Sequence[Axis],
        values: Sequence[Value],
    ) -> NoReturn:
        """Add to a point's error the place of the value that causes it."""
        paths = dict(self.declared.base_paths)
        at_axes = {axis.key.path: v.path for axis, v in zip(axes, values, strict=True)}
        paths |= at_axes
        key = _culprit(error, settings, at_axes)
        # A path, not a key, is part of what is wrong.
        is_file = error.where in settings.values() or (error.where or "").startswith("/")
        what = f"{error.where}: {error.what}" if is_file else error.what
        if key is None or key not in paths:
            top: YamlPath = () if not paths else (next(iter((at_axes or paths).values()))[0],)
            place = self.declared.places.at(paths.get(key or "", top))
            what += _at_point(axes, values)
        else:
            place = self.declared.places.at(paths[key])
        raise _as_said(error, what, place) from error


def expand(declared: Declared, engine_options: EngineOptions) -> tuple[Point, ...]:
    """Every point of a sweep.

    Raises:
        HarnessError: There are too many or none, or one is impossible; the first such one is named.
    """
    count = math.prod(len(group[0].values) for group in declared.groups)
    if count > SWEEP_POINTS:
        raise declared.places.error(
            f"the axes have {count:,} combinations, more than {SWEEP_POINTS:,}",
            _top(declared),
            hint="cut the axes, or make several sweeps",
        )
    points = tuple(
        _Expansion(declared, Identities(engine_options), ConfigMaker(engine_options)).points()
    )
    if not points:
        raise declared.places.error(
            f"where leaves none of the {count:,} combinations",
            ("where",),
            hint="it says which combinations are kept",
        )
    return points


def _top(declared: Declared) -> YamlPath:
    return declared.axes[0].path[:1]


def _culprit(
    error: HarnessError, settings: Settings, at_axes: Mapping[str, YamlPath]
) -> str | None:
    """The key of the value that causes ``error``; keys that vary come before the others."""
    if isinstance(error, ImpossibleError):
        return error.key
    if isinstance(error, EngineError) and ENGINE in settings:
        return ENGINE
    ordered = sorted(settings, key=lambda key: key not in at_axes)
    where = error.where or ""
    for key in ordered:
        if where and (where == key or settings[key] == where):
            return key
    related = (key for key in ordered if where.startswith(f"{key}.") or key.startswith(f"{where}."))
    if where and (found := next(related, None)) is not None:
        return found
    if where and where.startswith("/"):
        return next((key for key in _FILES if settings.get(key) is not None), None)
    return None


def _at_point(axes: Sequence[Axis], values: Sequence[Value]) -> str:
    parts = (f"{axis.key.text} {value.shown}" for axis, value in zip(axes, values, strict=True))
    text = ", ".join(parts)
    return f" (at {text})" if text else ""


def _as_said(error: HarnessError, what: str, place: str) -> HarnessError:
    plain = HarnessError if isinstance(error, ImpossibleError) else type(error)
    return plain(what, where=place, hint=error.hint)
