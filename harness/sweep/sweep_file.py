"""Reading a sweep file (docs/sweeps.md) as a whole, before anything runs.

name: tiles
base: {model: vgg16, set: {system.tile.io: dma}}
grid: {system.tiles: [0, 1, 2, 4]}
zip: {system.tile.rows: [64, 128], system.tile.columns: [64, 128]}
where: system.tiles > 0 or system.tile.rows == 64
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import yaml

from harness.config.preset_files import closest
from harness.config.yaml_reader import Yaml, YamlPath, parse_yaml_document, read_yaml_text
from harness.engines.protocol import NO_OPTIONS, EngineOptions
from harness.errors import ConfigError
from harness.sweep.axes import Axis, read_axis, refuse_repeats
from harness.sweep.expansion import Declared, expand
from harness.sweep.keys import read_key, read_value
from harness.sweep.places import Places
from harness.sweep.points import AxisValue, Sweep
from harness.sweep.where import AxisValues, Condition, parse_condition

_KEYS: Final = ("name", "base", "grid", "zip", "where")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_HINT: Final = "docs/sweeps.md describes the file"
PYTHON: Final = "sweep"
"""Name of a sweep that is given as a mapping without one."""


def read_sweep(path: Path, *, engine_options: EngineOptions = NO_OPTIONS) -> Sweep:
    """The sweep of a file; paths in it are relative to its folder.

    Args:
        path: A YAML file.
        engine_options: What the engine is told.

    Raises:
        HarnessError: A key or value is unknown or impossible; the message has line and key.
    """
    text = read_yaml_text(path)
    document = parse_yaml_document(text, where=str(path))
    places = Places(str(path), document.lines)
    return _sweep(document.value, text, path, path.parent, places, engine_options)


def sweep_from_mapping(
    content: Mapping[str, object], *, engine_options: EngineOptions = NO_OPTIONS
) -> Sweep:
    """As `read_sweep`, for the content of such a file; paths are relative to the current folder.

    Tuples and ranges are lists, and numpy's numbers are numbers.
    """
    plain = _plain(content, 0)
    text = yaml.safe_dump(plain, sort_keys=False, default_flow_style=None, width=100)
    value = parse_yaml_document(text, where=PYTHON).value
    return _sweep(value, text, Path(f"{PYTHON}.yaml"), Path(), Places("", {}), engine_options)


def _plain(value: object, depth: int) -> Yaml:
    """``value`` as YAML has it.

    Raises:
        ConfigError: A sweep cannot have such a value.
    """
    if depth > 8:
        raise ConfigError("the sweep is nested too deeply", where=PYTHON, hint=_HINT)
    if isinstance(value, Mapping):
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | range):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, Path):
        return str(value)
    tolist = getattr(value, "tolist", None)  # numpy's arrays and numbers
    found = tolist() if callable(tolist) else value
    if isinstance(found, list):
        return _plain(found, depth + 1)
    if found is None or isinstance(found, bool | int | float | str):
        return found
    raise ConfigError(f"{str(value)[:64]!r} is no value of a sweep", where=PYTHON, hint=_HINT)


def _sweep(
    content: Yaml,
    text: str,
    source: Path,
    folder: Path,
    places: Places,
    engine_options: EngineOptions,
) -> Sweep:
    if not isinstance(content, dict):
        raise places.error("a sweep is a mapping", (), hint=f"its keys: {', '.join(_KEYS)}")
    for key in content:
        if key not in _KEYS:
            raise places.error(f"unknown key {key[:64]!r}", (key,), hint=closest(key, _KEYS))
    name = _name(content.get("name", source.stem), "name" in content, places)
    base, base_paths = _base(content.get("base", {}), places, folder)
    groups = _groups(content, places, folder)
    axes = [axis for group in groups for axis in group]
    if not axes:
        raise places.error("nothing varies", (), hint="name axes under grid or zip")
    _refuse_shared(axes, base_paths, places)
    conditions = _conditions(content, axes, places)
    points = expand(Declared(base, base_paths, groups, conditions, places), engine_options)
    return Sweep(name, source, text, tuple(axis.key.text for axis in axes), points)


def _name(name: Yaml, given: bool, places: Places) -> str:
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    path: YamlPath = ("name",) if given else ()
    raise places.error(
        f"the sweep's name {str(name)[:64]!r} cannot be that of a folder",
        path,
        hint="write name: with letters, digits, '_', '-' and '.', at most 64",
    )


def _mapping(content: Yaml, path: YamlPath, places: Places) -> dict[str, Yaml]:
    if isinstance(content, dict):
        return content
    found = "nothing" if content is None else repr(content)[:64]
    raise places.error(f"keys with values are needed, not {found}", path, hint=_HINT)


def _base(
    content: Yaml, places: Places, folder: Path
) -> tuple[dict[str, AxisValue], dict[str, YamlPath]]:
    """Values of the base by the configuration's keys, and their places."""
    entries: list[tuple[str, Yaml, YamlPath]] = []
    for text, value in _mapping(content, ("base",), places).items():
        path: YamlPath = ("base", text)
        if text == "set":
            inner = _mapping(value, path, places)
            entries += [(key, item, (*path, key)) for key, item in inner.items()]
        else:
            entries.append((text, value, path))
    base: dict[str, AxisValue] = {}
    paths: dict[str, YamlPath] = {}
    for text, value, path in entries:
        try:
            key = read_key(text)
            found = read_value(key, value, folder)
        except ConfigError as error:
            raise places.error(error.what, path, hint=error.hint) from error
        if key.path in base:
            raise places.error(
                f"{places.at(paths[key.path])} says it already", path, hint="leave one out"
            )
        base[key.path], paths[key.path] = found, path
    return base, paths


def _groups(content: Mapping[str, Yaml], places: Places, folder: Path) -> list[list[Axis]]:
    groups: list[list[Axis]] = []
    for section in content:
        if section == "grid":
            axes = _mapping(content[section], (section,), places)
            groups += [
                [read_axis(text, values, (section, text), places, folder)]
                for text, values in axes.items()
            ]
        elif section == "zip":
            groups += _zipped(content[section], places, folder)
    for group in groups:
        refuse_repeats(group, places)
    return groups


def _zipped(content: Yaml, places: Places, folder: Path) -> list[list[Axis]]:
    several = isinstance(content, list)
    parts: list[tuple[Yaml, YamlPath]] = (
        [(part, ("zip", index)) for index, part in enumerate(content)]
        if isinstance(content, list)
        else [(content, ("zip",))]
    )
    groups = []
    for part, path in parts:
        group = [
            read_axis(text, values, (*path, text), places, folder)
            for text, values in _mapping(part, path, places).items()
        ]
        if not group:
            what = "a group of the zip has no axes" if several else "the zip has no axes"
            raise places.error(what, path, hint="name at least one, or leave it out")
        first = group[0]
        for axis in group[1:]:
            if len(axis.values) != len(first.values):
                raise places.error(
                    f"{len(axis.values)} values go together with the {len(first.values)} of "
                    f"{first.key.text}",
                    axis.path,
                    hint="the axes of a zip are equally long",
                )
        groups.append(group)
    return groups


def _refuse_shared(
    axes: Sequence[Axis], base_paths: Mapping[str, YamlPath], places: Places
) -> None:
    seen: dict[str, YamlPath] = {}
    for axis in axes:
        key = axis.key.path
        if key in base_paths:
            raise places.error(
                f"{places.at(base_paths[key])} gives it one value already",
                axis.path,
                hint="leave one of the two out",
            )
        if key in seen:
            raise places.error(
                f"{places.at(seen[key])} is this axis already", axis.path, hint="leave one out"
            )
        seen[key] = axis.path


def _conditions(
    content: Mapping[str, Yaml], axes: Sequence[Axis], places: Places
) -> list[Condition]:
    if "where" not in content:
        return []
    values: AxisValues = {
        axis.key.text: None if axis.has_enough else tuple(value.shown for value in axis.values)
        for axis in axes
    }
    given = content["where"]
    texts = given if isinstance(given, list) else [given]
    conditions = []
    for index, text in enumerate(texts):
        path: YamlPath = ("where", index) if isinstance(given, list) else ("where",)
        if not isinstance(text, str):
            raise places.error(
                f"a condition is text, not {repr(text)[:64]}",
                path,
                hint="for instance: system.tiles <= 64 or model == vgg16",
            )
        try:
            conditions.append(parse_condition(text, values))
        except ConfigError as error:
            raise places.error(error.what, path, hint=error.hint) from error
    return conditions
