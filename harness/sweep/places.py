"""Places in a sweep file, for messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from harness.config.yaml_reader import YamlPath
from harness.errors import ConfigError

_SHOWN: Final = 64


@dataclass(frozen=True)
class Places:
    """The lines of a sweep file.

    Attributes:
        source: The file's name.
        lines: The line of each key and list item; empty for a sweep without a file.
    """

    source: str
    lines: Mapping[YamlPath, int]

    def at(self, path: YamlPath) -> str:
        """For instance ``tiles.yaml, line 7, grid.system.tile.rows``."""
        known = (path[:end] for end in range(len(path), 0, -1))
        line = next((self.lines[part] for part in known if part in self.lines), None)
        name = _dotted(path)
        parts = [self.source, "" if line is None else f"line {line}", name]
        return ", ".join(part for part in parts if part)

    def error(self, what: str, path: YamlPath, *, hint: str | None = None) -> ConfigError:
        """An error at ``path``."""
        return ConfigError(what, where=self.at(path), hint=hint)


def _dotted(path: YamlPath) -> str:
    """Without the index of a list's item, for which there is the line."""
    text = ""
    shown = path[:-1] if path and isinstance(path[-1], int) else path
    for part in shown:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part[:_SHOWN]}" if text else part[:_SHOWN]
    return text
