"""Overrides: ``key.path=value`` strings applied to a configuration before it is checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from pydantic.fields import FieldInfo

from harness.config.fields import Section, nested_section
from harness.config.preset_files import SECTIONS, closest
from harness.config.schema import Config
from harness.config.yaml_reader import Yaml, parse_scalar
from harness.errors import ConfigError

_MAX_LENGTH: Final = 8192
_SWITCH: Final = {"on": True, "yes": True, "off": False, "no": False}  # beside true and false


@dataclass(frozen=True)
class Override:
    """One ``key.path=value``; ``path`` names a value of `Config`, or a whole section."""

    path: tuple[str, ...]
    value: Yaml

    @property
    def is_section(self) -> bool:
        """Whether it swaps a whole section for another preset (``system.tile=NAME``)."""
        return len(self.path) == 2 and self.path[0] == "system" and self.path[1] in SECTIONS

    @property
    def key(self) -> str:
        return ".".join(self.path)


def parse_override(text: str, root: type[Section] = Config) -> Override:
    """Read one override and check that ``root`` has its key.

    Raises:
        ConfigError: It is not ``key=value``, or as `make_override`.
    """
    key, equals, raw = text.partition("=")
    key, raw = key.strip(), raw.strip()
    if not equals or not key:
        raise ConfigError(
            f"not an override: {text[:80]!r}",
            where="--set",
            hint="write key.path=value, for instance system.tile.adc_latency_ns=50",
        )
    if len(text) > _MAX_LENGTH:
        raise ConfigError("the override is too long", where=key[:64])
    return make_override(key, raw, root)


def make_override(key: str, value: Yaml, root: type[Section] = Config) -> Override:
    """The override that sets ``key`` to a value; text is parsed.

    Raises:
        ConfigError: The key is unknown (the message has the closest and all valid ones), names
            a group of values, or its value is no single one.
    """
    path = tuple(key.split("."))
    field = find_field(path, root)
    if isinstance(value, list | dict):
        raise ConfigError("this key takes one value", where=key)
    nested = nested_section(field)
    if nested is not None:
        if len(path) == 2 and path[1] in SECTIONS and path[0] == "system":
            if not isinstance(value, str):
                raise ConfigError(f"a preset's name is text, not {value!r}", where=key)
            return Override(path, value)
        raise ConfigError(
            "this key is a group of values",
            where=key,
            hint=f"set one of: {', '.join(f'{key}.{name}' for name in nested.model_fields)}",
        )
    if not isinstance(value, str):
        return Override(path, value)
    kinds = get_args(field.annotation) or (field.annotation,)
    if str in kinds:
        is_null = type(None) in kinds and parse_scalar(value) is None
        return Override(path, None if is_null else value)
    if bool in kinds and value.lower() in _SWITCH:
        return Override(path, _SWITCH[value.lower()])
    return Override(path, parse_scalar(value))


def parse_overrides(
    texts: Sequence[str | Override], root: type[Section] = Config
) -> tuple[Override, ...]:
    """Read all overrides; of two for one key the later one wins."""
    latest: dict[tuple[str, ...], Override] = {}
    for text in texts:
        override = parse_override(text, root) if isinstance(text, str) else text
        latest.pop(override.path, None)
        latest[override.path] = override
    return tuple(latest.values())


def apply_override(data: dict[str, Any], override: Override) -> None:
    """Set one value in the nested mapping ``data``, which has every group of the root."""
    *parents, leaf = override.path
    for parent in parents:
        data = data[parent]
    data[leaf] = override.value


def find_field(path: Sequence[str | int], root: type[Section]) -> FieldInfo:
    """The field of ``root`` that ``path`` names.

    Raises:
        ConfigError: There is none; the message has the closest and all valid ones.
    """
    model: type[Section] | None = root
    field: FieldInfo | None = None
    for depth, name in enumerate(map(str, path)):
        parent = ".".join(map(str, path[:depth]))
        if model is None:
            raise ConfigError(f"{parent} is one value, it has no {name[:64]!r}", where=parent)
        fields = model.model_fields
        if name not in fields:
            prefix = f"{parent}." if parent else ""
            raise ConfigError(
                f"unknown key {name[:64]!r}",
                where=(prefix + name)[:128],
                hint=closest(name, tuple(fields)),
            )
        field = fields[name]
        model = nested_section(field)
    assert field is not None
    return field
