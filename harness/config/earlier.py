"""Configurations that were stored before a field existed: the one place that knows about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_LATER_RUN_FIELDS: Final[Mapping[str, object]] = {"placement": "resident"}
"""Fields of `RunConfig` with the value of every run before they existed."""
_LATER_ATTACH_FIELDS: Final[Mapping[str, object]] = {
    "load_latency_cycles": 0,
    "store_latency_cycles": 0,
    "through_caches": False,
}
"""The same of `AttachConfig`."""


def with_later_fields(data: Mapping[str, Any]) -> dict[str, Any]:
    """A stored configuration's values with the fields that are newer than it."""
    complete = dict(data)
    run, system = data.get("run"), data.get("system")
    if isinstance(run, dict):
        complete["run"] = {**_LATER_RUN_FIELDS, **run}
    if isinstance(system, dict) and isinstance(system.get("attach"), dict):
        complete["system"] = {
            **system,
            "attach": {**_LATER_ATTACH_FIELDS, **system["attach"]},
        }
    return complete
