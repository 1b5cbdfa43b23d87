"""What the schema says of a field besides its type: a description, and which engines read it."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

ENGINES: Final = ("embedded", "gem5")
_READ_BY: Final = "read_by"

Name: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=64)]


class Section(BaseModel):
    """Base of every section: immutable, strict about keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


def described(description: str, *, read_by: tuple[str, ...] = ENGINES, **options: Any) -> Any:  # noqa: ANN401
    """A field of a section.

    Args:
        description: One line; the unit is the end of the key (`unit_of`).
        read_by: The engines whose simulation reads the field of a system.  What none reads is read
            by other parts of the harness.
        options: As of `pydantic.Field`.
    """
    return Field(description=description, json_schema_extra={_READ_BY: list(read_by)}, **options)


def preset_name() -> Any:  # noqa: ANN401
    """The field ``name`` of a section."""
    return described("Name of the preset; with other values NAME.modified", read_by=())


def readers(field: FieldInfo) -> tuple[str, ...]:
    """The engines that read ``field``."""
    extra = field.json_schema_extra
    found = extra.get(_READ_BY, []) if isinstance(extra, dict) else []
    return tuple(str(engine) for engine in found) if isinstance(found, list) else ()


def nested_section(field: FieldInfo) -> type[Section] | None:
    """The section that ``field`` holds; None: it is one value."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def canonical(section: Section) -> dict[str, Any]:
    """The values of ``section`` as JSON has them: what is hashed, and what engines read."""
    return section.model_dump(mode="json")


def engine_values(section: Section, engine: str) -> dict[str, Any]:
    """`canonical` without the fields that ``engine`` does not read."""
    values = canonical(section)
    return _read_by(type(section), values, engine)


def _read_by(model: type[Section], values: dict[str, Any], engine: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, field in model.model_fields.items():
        if engine in readers(field):
            nested = nested_section(field)
            found[key] = _read_by(nested, values[key], engine) if nested else values[key]
    return found


def number_range(field: FieldInfo) -> tuple[float | None, float | None]:
    """The smallest and the largest value that a number may have; None where there is no bound."""
    annotated = [*field.metadata]
    for option in get_args(field.annotation):  # of a number or None
        annotated += getattr(option, "__metadata__", ())
    low = high = None
    for item in annotated:
        for bound in getattr(item, "metadata", None) or [item]:
            low = getattr(bound, "ge", getattr(bound, "gt", low))
            high = getattr(bound, "le", getattr(bound, "lt", high))
    return low, high
