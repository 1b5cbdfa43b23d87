"""Preset files: one section's values, each with the source that it is taken from.

A preset file is YAML with these keys:

    title: One line.
    description: What it models.
    deviations: [where it differs from what its sources describe]
    sources: {key: full citation}
    values:
      clock_ghz: {value: 2.3, source: "@key, Table 1"}

A ``source`` that starts with ``@key`` cites that entry of ``sources`` and adds the place in it.
Nested sections (the caches) nest in ``values``.  A value without a source, a missing or an unknown
key is an error.

A shipped memory preset can also have ``gem5``, with the values of `Gem5Dram`: the class of gem5
that has this timing.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from harness.config.fields import Section, nested_section
from harness.config.loop_schema import NoiseConfig, SearchConfig
from harness.config.schema import (
    AttachConfig,
    CachesConfig,
    CoreConfig,
    EnergyConfig,
    Gem5Dram,
    MemoryConfig,
    RunConfig,
    SystemConfig,
    TileConfig,
)
from harness.config.yaml_reader import Yaml, read_yaml
from harness.errors import ConfigError

PRESETS: Final = Path(__file__).resolve().parent / "presets"

SECTIONS: Final[dict[str, type[Section]]] = {
    "core": CoreConfig,
    "caches": CachesConfig,
    "memory": MemoryConfig,
    "attach": AttachConfig,
    "tile": TileConfig,
    "energy": EnergyConfig,
}
"""The sections of a system, each a folder of presets."""

LOOP_SECTIONS: Final[dict[str, type[Section]]] = {
    "noise": NoiseConfig,
    "search": SearchConfig,
}
"""The sections of `LoopConfig`, each a folder of presets."""

SYSTEM: Final = "system"
RUN: Final = "run"

_FILE_KEYS: Final = ("title", "description", "deviations", "sources", "values")
_GEM5: Final = "gem5"
_REFERENCE: Final = re.compile(r"@([a-z0-9_-]+)(.*)", re.DOTALL)

_UNITS: Final = (
    ("_pj_per_byte", "pJ/B"),
    ("_pj_per_access", "pJ"),
    ("_gb_per_s", "GB/s"),
    ("_ghz", "GHz"),
    ("_kib", "KiB"),
    ("_mib", "MiB"),
    ("_bytes", "B"),
    ("_bits", "bit"),
    ("_lsb", "LSB"),
    ("_microsiemens", "uS"),
    ("_ns", "ns"),
    ("_pj", "pJ"),
    ("_mw", "mW"),
    ("_cycles", "cycles"),
    ("_latency", "cycles"),
    ("_penalty", "cycles"),
    ("_points", "points"),
    ("_s", "s"),
)


@dataclass(frozen=True)
class PresetValue:
    """One value of a preset; ``key`` is dotted below the section, ``unit`` may be empty."""

    key: str
    value: bool | int | float | str | None
    unit: str
    source: str


@dataclass(frozen=True)
class Preset:
    """A preset file as read: every value with its unit and source."""

    section: str
    name: str
    path: Path
    title: str
    description: str
    deviations: tuple[str, ...]
    values: tuple[PresetValue, ...]
    gem5: tuple[PresetValue, ...] = ()  # empty, or the values of `Gem5Dram`

    def nested(self) -> dict[str, Yaml]:
        """The values as the section's nested mapping, without name and sources."""
        result: dict[str, Yaml] = {}
        for item in self.values:
            *parents, leaf = item.key.split(".")
            level = result
            for parent in parents:
                child = level.setdefault(parent, {})
                assert isinstance(child, dict)
                level = child
            level[leaf] = item.value
        return result


class PresetFinder(Protocol):
    """As `find_preset`."""

    def __call__(self, section: str, name: str, *, relative_to: Path | None) -> Preset: ...


def unit_of(key: str) -> str:
    """The unit that a key's name states; empty for counts, names and choices."""
    leaf = key.rsplit(".", 1)[-1]
    return next((unit for suffix, unit in _UNITS if leaf.endswith(suffix)), "")


def closest(name: str, valid: Sequence[str]) -> str:
    """A hint: the closest valid name, if any is close, and all valid names."""
    matches = difflib.get_close_matches(name, valid, n=1)
    guess = f"did you mean {matches[0]!r}? " if matches else ""
    return f"{guess}valid: {', '.join(valid)}"


def list_presets() -> dict[str, tuple[str, ...]]:
    """The shipped presets' names by section, ``system`` first."""
    return {section: _names(section) for section in (SYSTEM, *SECTIONS, *LOOP_SECTIONS)}


def describe_preset(section: str, name: str) -> Preset:
    """A shipped preset with its values, units, sources and deviations.

    Raises:
        ConfigError: There is no such section or preset; the message lists the valid ones.
    """
    if section == RUN and name == "default":
        return read_preset(RUN, PRESETS / "run" / "default.yaml")
    sections = (SYSTEM, *SECTIONS, *LOOP_SECTIONS)
    if section not in sections:
        raise ConfigError(
            f"there is no section {section!r}", where="presets", hint=closest(section, sections)
        )
    return find_preset(section, name, relative_to=None)


def find_preset(section: str, name: str, *, relative_to: Path | None) -> Preset:
    """Read the preset ``name`` of ``section``: a shipped one, or a YAML file's path.

    Args:
        section: A key of `SECTIONS` or `LOOP_SECTIONS`, or `SYSTEM`.
        name: The name of a shipped preset, or a path that ends in .yaml or .yml.
        relative_to: The folder that a relative path starts from; None: the current one.

    Raises:
        ConfigError: There is no such preset, or the file is not a valid one.
    """
    where = f"system.{section}" if section in SECTIONS else section
    if name.endswith((".yaml", ".yml")):
        path = Path(name) if relative_to is None else relative_to / name
        if not path.exists():
            raise ConfigError(f"there is no preset file {str(path)!r}", where=where)
        return read_preset(section, path)
    names = _names(section)
    if name not in names:
        raise ConfigError(
            f"there is no {section} preset {name[:64]!r}", where=where, hint=closest(name, names)
        )
    return read_preset(section, PRESETS / section / f"{name}.yaml")


def read_preset(section: str, path: Path) -> Preset:
    """Read and check one preset file; ``section`` says which keys it must have.

    Raises:
        ConfigError: The file is malformed, a key is unknown or missing, or a value has no
            source.
    """
    where = str(path)
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise ConfigError("a preset file is a mapping", where=where, hint=_keys_hint())
    for key in data:
        shipped_memory = section == "memory" and path.parent == PRESETS / section
        if key not in _FILE_KEYS and not (key == _GEM5 and shipped_memory):
            raise ConfigError(f"unknown key {key[:64]!r}", where=where, hint=_keys_hint(key))
    title, description = data.get("title"), data.get("description")
    if not isinstance(title, str) or not title or not isinstance(description, str):
        raise ConfigError("title and description must be text", where=where, hint=_keys_hint())
    deviations = data.get("deviations", [])
    if not isinstance(deviations, list) or not all(isinstance(d, str) for d in deviations):
        raise ConfigError("deviations must be a list of text", where=where)
    sources = data.get("sources", {})
    if not isinstance(sources, dict):
        raise ConfigError("sources must map keys to citations", where=where)
    values = data.get("values")
    if not isinstance(values, dict):
        raise ConfigError("values must be a mapping", where=where, hint=_keys_hint())
    found = tuple(_values(values, value_tree(section), sources, where, prefix=""))
    return Preset(
        section=section,
        name=path.stem,
        path=path,
        title=title,
        description=description,
        deviations=tuple(str(deviation) for deviation in deviations),
        values=found,
        gem5=_gem5_values(data.get(_GEM5, {}), sources, where),
    )


def _gem5_values(data: Yaml, sources: Mapping[str, Yaml], where: str) -> tuple[PresetValue, ...]:
    if not isinstance(data, dict):
        raise ConfigError(f"{_GEM5} must be a mapping", where=where)
    return tuple(_values(data, _tree_of(Gem5Dram), sources, where, prefix="")) if data else ()


ValueTree = dict[str, "ValueTree | None"]


def value_tree(section: str) -> ValueTree:
    """The keys that a preset file of ``section`` has; None marks a value, else a subtree."""
    if section == SYSTEM:
        return {key: None for key in SystemConfig.model_fields if key != "name"}
    return _tree_of(RunConfig if section == RUN else (SECTIONS | LOOP_SECTIONS)[section])


def _tree_of(model: type[Section]) -> ValueTree:
    tree: ValueTree = {}
    for key, field in model.model_fields.items():
        if key == "name":
            continue
        nested = nested_section(field)
        tree[key] = _tree_of(nested) if nested is not None else None
    return tree


def _values(
    data: Mapping[str, Yaml],
    tree: ValueTree,
    sources: Mapping[str, Yaml],
    where: str,
    prefix: str,
) -> Iterator[PresetValue]:
    for key in data:
        if key not in tree:
            raise ConfigError(
                f"unknown key {(prefix + key)[:64]!r}",
                where=where,
                hint=closest(key, tuple(tree)),
            )
    missing = [prefix + key for key in tree if key not in data]
    if missing:
        raise ConfigError(f"missing values: {', '.join(missing)}", where=where)
    for key, subtree in tree.items():
        entry, path = data[key], prefix + key
        if not isinstance(entry, dict):
            raise ConfigError(
                f"{path} has no source",
                where=where,
                hint=f'write {key}: {{value: ..., source: "..."}}',
            )
        if subtree is not None:
            yield from _values(entry, subtree, sources, where, prefix=f"{path}.")
            continue
        if set(entry) != {"value", "source"}:
            raise ConfigError(
                f"{path} must have exactly the keys value and source",
                where=where,
                hint=f"it has: {', '.join(entry) or 'none'}",
            )
        value = entry["value"]
        if isinstance(value, list | dict):
            raise ConfigError(f"{path}.value must be one value", where=where)
        source = _citation(entry["source"], sources, path, where)
        yield PresetValue(key=path, value=value, unit=unit_of(path), source=source)


def _citation(source: Yaml, sources: Mapping[str, Yaml], path: str, where: str) -> str:
    if not isinstance(source, str) or not source.strip():
        raise ConfigError(f"{path} has an empty source", where=where)
    match = _REFERENCE.fullmatch(source)
    if match is None:
        return source
    cited = sources.get(match[1])
    if not isinstance(cited, str) or not cited.strip():
        raise ConfigError(
            f"{path} cites @{match[1]}, which sources does not have",
            where=where,
            hint=closest(match[1], tuple(sources)),
        )
    return cited + match[2]


def _names(section: str) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in (PRESETS / section).glob("*.yaml")))


def _keys_hint(key: str = "") -> str:
    return closest(key, _FILE_KEYS)
