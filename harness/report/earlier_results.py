"""Results of version 3, before placement policies and kept simulations, and of earlier fields."""

from __future__ import annotations

from typing import Any, Final

from harness.config.earlier import with_later_fields
from harness.config.load import values_hash

EARLIER_VERSION: Final = 3


def with_later_config(raw: dict[str, Any]) -> dict[str, Any]:
    """The ``comparison`` of a file with the fields of the configuration that are newer than it.

    The manifest's hash becomes that of the completed configuration if it is that of the stored one.
    """
    try:
        config, manifest = with_later_fields(raw["config"]), raw["manifest"]
        if manifest["config_hash"] == values_hash(raw["config"]):
            manifest = {**manifest, "config_hash": values_hash(config)}
        return {**raw, "config": config, "manifest": manifest}
    except (AttributeError, KeyError, TypeError, ValueError):
        return raw


def with_later_parts(raw: dict[str, Any]) -> dict[str, Any]:
    """The ``comparison`` of a version 3 file in the form of version 4; impossible values stay.

    All its layers were resident, each with one copy, and its programs simulated for it.
    """
    try:
        manifest, plan = {**raw["manifest"], "earlier_simulations": {}}, raw["plan"]
        if plan is not None:
            later = {"copies": 1, "reloaded": False, "parts": 1}
            layers = [{**layer, **later} for layer in plan["analog_layers"]]
            plan = {**plan, "analog_layers": layers}
        return {**raw, "manifest": manifest, "plan": plan}
    except (AttributeError, KeyError, TypeError):
        return raw
