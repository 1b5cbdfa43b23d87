"""A small, strict YAML reader: plain mappings, lists and scalars, and nothing else.

Configuration files come from users, so the reader accepts only what a configuration
needs.  Anchors, aliases, tags, several documents, duplicate keys, keys that are not text,
deep nesting and large files are refused, each with its line.  Scalars follow YAML 1.2's
core schema (``1e9`` is a number; ``on`` and ``12:30`` are text).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import yaml

from harness.budget import YAML_BYTES, YAML_DEPTH
from harness.errors import ConfigError
from harness.reading import read_regular

Yaml: TypeAlias = "bool | int | float | str | list[Yaml] | dict[str, Yaml] | None"
YamlPath: TypeAlias = tuple[str | int, ...]
"""Keys and list indices that lead to a value."""

_INT = re.compile(r"[-+]?[0-9]{1,64}")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,16}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,4})?")


def parse_scalar(text: str) -> Yaml:
    """The value of an unquoted scalar: null, a boolean, a number, or the text itself."""
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    if _INT.fullmatch(text):
        return int(text)
    if _HEX.fullmatch(text):
        return int(text, 16)
    if len(text) <= 64 and _FLOAT.fullmatch(text):
        return float(text)
    return text


@dataclass(frozen=True)
class YamlDocument:
    """A document's value, and the line of each key and list item, counted from 1."""

    value: Yaml
    lines: dict[YamlPath, int]


def parse_yaml(text: str, *, where: str) -> Yaml:
    """Read one YAML document.

    Args:
        text: The document.
        where: Its name in error messages.

    Raises:
        ConfigError: It is not YAML, or uses what this reader refuses.
    """
    return parse_yaml_document(text, where=where).value


def parse_yaml_document(text: str, *, where: str) -> YamlDocument:
    """As `parse_yaml`, with the lines."""
    if len(text.encode("utf-8", errors="surrogatepass")) > YAML_BYTES:
        raise ConfigError(
            f"the file is larger than {YAML_BYTES // 1024} KiB",
            where=where,
            hint="a configuration file is a few kilobytes; is this the right file?",
        )
    try:
        events = iter(yaml.parse(text, Loader=yaml.SafeLoader))
        builder = _Builder(events, where)
        return YamlDocument(builder.document(), builder.lines)
    except yaml.MarkedYAMLError as error:
        line = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        raise ConfigError(
            f"not valid YAML: {error.problem or error.context}{line}", where=where
        ) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # ValueError and OverflowError: escapes beyond Unicode, absurd %YAML versions
        raise ConfigError(f"not valid YAML: {' '.join(str(error).split())}", where=where) from error


def read_yaml(path: Path) -> Yaml:
    """Read the YAML file ``path``; see `parse_yaml`.

    Raises:
        ConfigError: It cannot be read, is not UTF-8, or is not acceptable YAML.
    """
    return parse_yaml(read_yaml_text(path), where=str(path))


def read_yaml_text(path: Path) -> str:
    """The text of the YAML file ``path``, not yet parsed.

    Raises:
        ConfigError: It cannot be read, or is not UTF-8.
    """
    try:
        return read_regular(path, YAML_BYTES).decode("utf-8")
    except FileNotFoundError as error:
        raise ConfigError("there is no such file", where=str(path)) from error
    except OSError as error:
        raise ConfigError(
            f"cannot read the file: {error.strerror}",
            where=str(path),
            hint="a configuration file is a few kilobytes of text; is this the right file?",
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            "the file is not UTF-8 text", where=str(path), hint="save it as UTF-8"
        ) from error


class _Builder:
    """Builds values from parser events, refusing everything beyond plain data."""

    def __init__(self, events: Iterator[yaml.Event], where: str) -> None:
        self._events = events
        self._where = where
        self.lines: dict[YamlPath, int] = {}

    def document(self) -> Yaml:
        value: Yaml = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._refuse("more than one document", event)
            elif isinstance(event, yaml.NodeEvent):
                value = self._node(event, ())
        return value

    def _node(self, event: yaml.Event, path: YamlPath) -> Yaml:
        if isinstance(event, yaml.AliasEvent):
            raise self._refuse("aliases (*name) are not accepted", event)
        if not isinstance(event, yaml.NodeEvent):
            raise self._refuse("unexpected structure", event)
        if event.anchor is not None:
            raise self._refuse("anchors (&name) are not accepted", event)
        if isinstance(event, yaml.ScalarEvent):
            if event.tag is not None:
                raise self._refuse("tags (!name) are not accepted", event)
            if any("\ud800" <= character <= "\udfff" for character in event.value):
                raise self._refuse("half of a surrogate pair is not a character", event)
            return parse_scalar(event.value) if event.style is None else str(event.value)
        if not isinstance(event, yaml.CollectionStartEvent) or event.tag is not None:
            raise self._refuse("tags (!name) are not accepted", event)
        if len(path) >= YAML_DEPTH:
            raise self._refuse(f"nested deeper than {YAML_DEPTH} levels", event)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        return self._mapping(path)

    def _sequence(self, path: YamlPath) -> list[Yaml]:
        values: list[Yaml] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            item = (*path, len(values))
            self._note(item, event)
            values.append(self._node(event, item))
        return values

    def _mapping(self, path: YamlPath) -> dict[str, Yaml]:
        values: dict[str, Yaml] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            if not isinstance(event, yaml.ScalarEvent):
                raise self._refuse("a key must be plain text", event)
            key = self._node(event, path)
            if not isinstance(key, str):
                raise self._refuse(f"the key {event.value[:64]!r} is not a name", event)
            if key in values:
                raise self._refuse(f"the key {key[:64]!r} stands twice", event)
            item = (*path, key)
            self._note(item, event)
            values[key] = self._node(next(self._events), item)
        return values

    def _note(self, path: YamlPath, event: yaml.Event) -> None:
        if event.start_mark is not None:
            self.lines[path] = event.start_mark.line + 1

    def _refuse(self, what: str, event: yaml.Event) -> ConfigError:
        mark = event.start_mark
        line = f" (line {mark.line + 1})" if mark is not None else ""
        return ConfigError(f"{what}{line}", where=self._where)
