"""Systems for the tests of placement."""

from __future__ import annotations

from harness.config.load import load_config
from harness.config.schema import SystemConfig


def system_with(*, tiles: int = 64, **tile: object) -> SystemConfig:
    """A preset system without noise, with some values of its tiles replaced."""
    values = {"noise": False, "rows": 32, "columns": 16, "adc_bits": 8} | tile
    overrides = [f"system.tile.{key}={str(value).lower()}" for key, value in values.items()]
    config = load_config(
        system="a55-hermes",
        overrides=[f"system.tiles={tiles}", *overrides],
        run={"model": "lenet5"},
    )
    return config.system
