"""Names of axes and their values in tables and pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Final

from harness.config.preset_files import unit_of
from harness.safe_text import printable

_SHOWN: Final = 40
_NAMES: Final = {
    "model": "network",
    "run.model": "network",
    "system.tiles": "tiles",
    "system.tile": "tile",
    "system.tile.rows": "tile rows",
    "system.tile.columns": "tile columns",
    "system.tile.io": "transfer",
    "system.tile.noise": "noise",
    "system.attach": "attached to",
    "drop": "allowed loss of accuracy",
}
_CAPITALS: Final = {"adc": "ADC", "dac": "DAC", "dma": "DMA", "io": "I/O", "pio": "PIO"}
_UNIT_SUFFIXES: Final = ("_ns", "_ghz", "_kib", "_mib", "_pj", "_mw", "_gb_per_s", "_s", "_points")


def short_names(axes: Sequence[str]) -> dict[str, str]:
    """By axis, the shortest end of its key that is unique."""
    found = {}
    for axis in axes:
        parts = axis.split(".")
        for count in range(1, len(parts) + 1):
            name = ".".join(parts[-count:])
            if sum(other == name or other.endswith(f".{name}") for other in axes) == 1:
                break
        found[axis] = name
    return found


def axis_name(axis: str) -> str:
    """In words, without the unit."""
    if axis in _NAMES:
        return _NAMES[axis]
    leaf = axis.rsplit(".", 1)[-1]
    suffix = next((suffix for suffix in _UNIT_SUFFIXES if leaf.endswith(suffix)), "")
    words = leaf.removesuffix(suffix).split("_")
    return " ".join(_CAPITALS.get(word, word) for word in words)


def axis_label(axis: str) -> str:
    """In words, with the unit, for an axis of a picture."""
    if axis == "system.tiles":
        return "number of tiles"
    unit = unit_of(axis)
    return f"{axis_name(axis)} ({unit})" if unit and unit != "bit" else axis_name(axis)


def value_text(value: object) -> str:
    """A value of an axis, short."""
    value = _plain(value)
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    text = str(value)
    if "/" in text:
        text = PurePath(text).name
    return printable(text, _SHOWN)


def setting_text(axis: str, value: object) -> str:
    """A value with the name of its axis, where the value alone is not clear."""
    value = _plain(value)
    text = value_text(value)
    if axis == "system.tiles":
        return f"{text} tile{'' if text == '1' else 's'}"
    if not isinstance(value, str):
        unit = unit_of(axis)
        return f"{axis_name(axis)} {text}{f' {unit}' if unit and unit != 'bit' else ''}"
    return {"pio": "PIO", "dma": "DMA"}.get(text, text)


def _plain(value: object) -> object:
    """numpy's numbers and truth values as Python's."""
    item = getattr(value, "item", None)
    return item() if callable(item) else value
