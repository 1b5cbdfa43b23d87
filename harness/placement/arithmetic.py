"""The part of a system that determines its tiles' numbers: geometry, converters and noise."""

from __future__ import annotations

from harness.config.schema import SystemConfig, TileConfig

_TIMING = {
    "name": "any",
    "dac_latency_ns": 0.0,
    "crossbar_latency_ns": 0.0,
    "adc_latency_ns": 0.0,
    "program_row_latency_ns": 0.0,
    "io_bandwidth_gb_per_s": 1.0,
    "double_buffer": False,
    "io": "pio",
}
_NO_NOISE = {"output_noise_lsb": 0.0, "read_noise_lsb": 0.0, "seed": 0}


def arithmetic_tile(tile: TileConfig) -> TileConfig:
    """``tile`` with fixed values for all settings that change no number that it computes."""
    return tile.model_copy(update=_TIMING | ({} if tile.noise else _NO_NOISE))


def arithmetic_system(system: SystemConfig) -> SystemConfig:
    """``system`` with an `arithmetic_tile`."""
    return system.model_copy(update={"tile": arithmetic_tile(system.tile)})
