"""Which latency of a system is the longest: what a simulation without an end waits for."""

from __future__ import annotations

from harness.config.schema import SystemConfig

_UNIT = "_latency_ns"


def longest_latency(system: SystemConfig) -> str:
    """The longest latency among tile, attachment and memory, as ``key=value`` for ``--set``."""
    sections = {"tile": system.tile, "attach": system.attach}
    latencies = {
        f"system.{section}.{key}": float(value)
        for section, values in sections.items()
        for key, value in values.model_dump().items()
        if key.endswith(_UNIT)
    }
    latencies["system.memory.latency_ns"] = system.memory.latency_ns
    key = max(latencies, key=latencies.__getitem__)
    return f"{key}={latencies[key]:g}"
