"""The fields of the schema as a table: `aimc presets --explain`, and the table of docs/presets.md.

`python -m harness.config.explain` prints the latter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import NoneType, UnionType
from typing import Final, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from harness.config.fields import ENGINES, Section, nested_section, number_range, readers
from harness.config.loop_schema import LoopConfig
from harness.config.preset_files import closest, unit_of
from harness.config.schema import Config
from harness.errors import ConfigError

COLUMNS: Final = ("key", "unit", "range", "description", "only")
_ROOTS: Final = (Config, LoopConfig)
_SYSTEM: Final = "system."


@dataclass(frozen=True)
class FieldRow:
    """One field; ``only`` names the engine if a single one reads it, and is empty otherwise."""

    key: str
    unit: str
    range: str
    description: str
    only: str


def explain(which: str | None = None) -> tuple[FieldRow, ...]:
    """All fields, or those of a section or a key; ``system.`` may be left out.

    Raises:
        ConfigError: There is no such section or key.
    """
    rows = tuple(row for root in _ROOTS for row in _rows(root, ""))
    if which is None:
        return rows
    for path in (which, _SYSTEM + which):
        found = tuple(row for row in rows if f"{row.key}.".startswith(f"{path}."))
        if found:
            return found
    keys = {row.key.removeprefix(_SYSTEM) for row in rows}
    sections = {key.rpartition(".")[0] for key in keys} - {""}
    valid = sections if "." not in which else keys
    raise ConfigError(
        f"there is no section or key {which[:64]!r}",
        where="presets --explain",
        hint=closest(which, tuple(sorted(valid | {"system"}))),
    )


def markdown_table() -> str:
    """`explain` as a table of Markdown."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for row in explain():
        cells = (f"`{row.key}`", row.unit, row.range, row.description, row.only)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _rows(model: type[Section], prefix: str) -> Iterator[FieldRow]:
    for key, field in model.model_fields.items():
        nested = nested_section(field)
        if nested is not None:
            yield from _rows(nested, f"{prefix}{key}.")
            continue
        engines = readers(field)
        yield FieldRow(
            key=prefix + key,
            unit=unit_of(key),
            range=_range(field),
            description=field.description or "",
            only=engines[0] if 0 < len(engines) < len(ENGINES) else "",
        )


def _range(field: FieldInfo) -> str:
    low, high = number_range(field)
    kinds = get_args(field.annotation) if _is_union(field.annotation) else (field.annotation,)
    texts = []
    for kind in kinds:
        if kind is NoneType:
            texts.append("null")
        elif low is not None and high is not None:
            texts.append(f"{_number(low)} to {_number(high)}")
        elif get_origin(kind) is Literal:
            texts.append(", ".join(map(str, get_args(kind))))
        else:
            texts.append("true, false" if kind is bool else "text")
    return " or ".join(texts)


def _is_union(kind: object) -> bool:
    return get_origin(kind) in (Union, UnionType)


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) and value < 1 << 32 else f"{value:g}"


if __name__ == "__main__":
    print(markdown_table(), end="")
