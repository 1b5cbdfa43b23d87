"""The axes of a sweep: their values, and the combinations of them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from harness.budget import SWEEP_POINTS
from harness.config.fields import number_range
from harness.config.preset_files import closest
from harness.config.schema import SystemConfig
from harness.config.yaml_reader import Yaml, YamlPath
from harness.errors import ConfigError
from harness.sweep.keys import ENOUGH, TILES, Key, read_key, read_value
from harness.sweep.places import Places
from harness.sweep.points import AxisValue

MOST_TILES: Final = int(number_range(SystemConfig.model_fields["tiles"])[1] or 0)

_RANGE_KEYS: Final = ("from", "to", "factor", "step")
_DIGITS: Final = 12  # significant ones of a range's values: 0.1 + 0.2 is 0.3
_RANGE_HINT: Final = "write {from: 1, to: 1024, factor: 2} or {from: 10, to: 50, step: 10}"


@dataclass(frozen=True)
class Value:
    """One value of an axis.

    Attributes:
        shown: As in the file and in the tables.
        value: As in the configuration.
        path: Its place in the file.
        below_enough: It is used only for configurations that need more tiles than it.
    """

    shown: AxisValue
    value: AxisValue
    path: YamlPath
    below_enough: bool = False


@dataclass(frozen=True)
class Axis:
    """One key that varies."""

    key: Key
    values: tuple[Value, ...]
    path: YamlPath

    @property
    def has_enough(self) -> bool:
        """Whether values depend on the number of tiles that a configuration needs."""
        return self.key.path == TILES and any(value.value == ENOUGH for value in self.values)


def read_axis(text: str, content: Yaml, path: YamlPath, places: Places, folder: Path) -> Axis:
    """The axis of the key ``text``.

    Raises:
        ConfigError: The key or a value is impossible, or there is no value.
    """
    try:
        key = read_key(text)
    except ConfigError as error:
        raise places.error(error.what, path, hint=error.hint) from error
    if not isinstance(content, list | dict):
        raise places.error(
            f"an axis needs several values, not {repr(content)[:64]}",
            path,
            hint=f"write {text}: [value, value], or put it under base",
        )
    values: list[Value] = []
    for item, where in _items(content, path):
        if isinstance(item, dict):
            values += _range(key, item, where, places)
            continue
        try:
            enough = key.path == TILES and item == ENOUGH
            value = ENOUGH if enough else read_value(key, item, folder)
        except ConfigError as error:
            raise places.error(error.what, where, hint=error.hint) from error
        shown = value if not isinstance(item, str) else item
        values.append(Value(shown, value, where))
    if not values:
        raise places.error("the axis has no values", path, hint="name at least one value")
    return Axis(key, tuple(values), path)


def combinations(groups: Sequence[Sequence[Axis]]) -> Iterator[tuple[Value, ...]]:
    """Every combination of the groups' values, those of the last group changing fastest.

    The axes of a group vary together, value by value.
    """
    together = [zip(*(axis.values for axis in group), strict=True) for group in groups]
    for parts in itertools.product(*together):
        yield tuple(itertools.chain.from_iterable(parts))


def _items(content: list[Yaml] | dict[str, Yaml], path: YamlPath) -> list[tuple[Yaml, YamlPath]]:
    if isinstance(content, dict):
        return [(content, path)]
    return [(item, (*path, index)) for index, item in enumerate(content)]


def refuse_repeats(group: Sequence[Axis], places: Places) -> None:
    """Refuse a group of axes that has one combination twice.

    Raises:
        ConfigError: The group has one.
    """
    seen: set[tuple[tuple[type, AxisValue], ...]] = set()
    for values in zip(*(axis.values for axis in group), strict=True):
        mark = tuple((type(value.value), value.value) for value in values)
        if mark in seen:
            shown = " with ".join(repr(value.shown) for value in values)
            raise places.error(
                f"the value {shown} stands twice", values[0].path, hint="leave one out"
            )
        seen.add(mark)


def _range(key: Key, content: dict[str, Yaml], path: YamlPath, places: Places) -> list[Value]:
    def refuse(what: str, name: str | None = None) -> NoReturn:
        where = path if name is None else (*path, name)
        raise places.error(what, where, hint=_RANGE_HINT)

    for name in content:
        if name not in _RANGE_KEYS:
            refuse(f"unknown key {name[:64]!r} of a range; {closest(name, _RANGE_KEYS)}", name)
    if not {"from", "to"} <= content.keys() or len(content) != 3:
        refuse("a range needs from, to, and either factor or step")
    first, last = content["from"], content["to"]
    to_enough = key.path == TILES and last == ENOUGH
    if to_enough:
        last = MOST_TILES
    by = "factor" if "factor" in content else "step"
    stride = content[by]
    for name, number in (("from", first), ("to", last), (by, stride)):
        if isinstance(number, bool) or not isinstance(number, int | float):
            refuse(f"{name} is {repr(number)[:64]}, not a number", name)
        if not math.isfinite(number) or abs(number) > 1e300:
            refuse(f"{name} is {number:g}, which no range has", name)
    assert isinstance(first, int | float) and isinstance(last, int | float)
    assert isinstance(stride, int | float)
    if last < first:
        refuse(f"to is {last:g}, below from, which is {first:g}", "to")
    if by == "factor" and (stride <= 1 or first <= 0):
        refuse("factor must be above 1, and from above 0", by)
    if by == "step" and stride <= 0:
        refuse("step must be above 0", by)
    numbers: list[int | float] = []
    for number in _progression(first, stride, by):
        if number > last * (1 + 1e-12 if last > 0 else 1):
            break
        if len(numbers) == SWEEP_POINTS or (numbers and number <= numbers[-1]):
            refuse(f"the range has more than {SWEEP_POINTS:,} values", by)
        numbers.append(number)
    values = [Value(number, number, path, below_enough=to_enough) for number in numbers]
    return [*values, Value(ENOUGH, ENOUGH, path)] if to_enough else values


def _progression(first: int | float, stride: int | float, by: str) -> Iterator[int | float]:
    whole = isinstance(first, int) and isinstance(stride, int)
    for index in itertools.count():
        if by == "step":
            value = first + index * stride
        else:
            try:
                value = first * stride**index
            except OverflowError:
                return
        yield value if whole else float(f"{value:.{_DIGITS}g}")
