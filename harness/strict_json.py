"""JSON from files that anything may have written or damaged: read strictly or not at all."""

from __future__ import annotations

import json
import math
from typing import Any, Final

from harness.safe_text import shown

_SHOWN_LENGTH: Final = 120  # of what the text says, in a message


class JsonError(ValueError):
    """The text is not strict JSON; the message says why, and is safe to print."""


def parse_json(text: bytes | str, refusal: str = "not JSON") -> Any:  # noqa: ANN401
    """The value of ``text``: UTF-8, no key twice in an object, no NaN and no infinity.

    Raises:
        JsonError: It is anything else, or nested too deeply; the message begins with ``refusal``.
    """
    try:
        return json.loads(
            text.decode("utf-8") if isinstance(text, bytes) else text,
            object_pairs_hook=_without_repeats,
            parse_constant=_refuse_constant,
            parse_float=_finite,
        )
    except RecursionError as error:
        raise JsonError(f"{refusal}: nested too deeply") from error
    except ValueError as error:  # JSON, UTF-8 and number errors
        raise JsonError(f"{refusal}: {shown(error, _SHOWN_LENGTH)}") from error


def parse_json_object(text: bytes | str, refusal: str = "not JSON") -> dict[str, Any]:
    """As `parse_json`, of an object.

    Raises:
        JsonError: It is anything else.
    """
    document = parse_json(text, refusal)
    if not isinstance(document, dict):
        raise JsonError("not a JSON object")
    return document


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for key, value in pairs:
        if key in document:
            raise ValueError(f"the key {shown(key, _SHOWN_LENGTH)} stands there twice")
        document[key] = value
    return document


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{shown(text)} is out of range")
    return value
