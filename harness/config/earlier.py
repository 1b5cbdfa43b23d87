"""Configurations that were stored before a field existed: the one place that knows about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_LATER_RUN_FIELDS: Final[Mapping[str, object]] = {"placement": "resident"}
"""Fields of `RunConfig` by what every run did before they existed."""


def with_later_fields(data: Mapping[str, Any]) -> dict[str, Any]:
    """A stored configuration's values with the fields that it is too old to have."""
    run = data.get("run")
    if not isinstance(run, dict):
        return dict(data)
    return {**data, "run": {**_LATER_RUN_FIELDS, **run}}
