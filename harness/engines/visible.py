"""The part of a system that a program's simulation can see.

A program is simulated on this part only, and its result is kept by it: what the program cannot see
has no way into the result (`harness.pipeline.simulations`).
"""

from __future__ import annotations

from typing import Final, TypeVar

from pydantic import BaseModel

from harness.config.schema import AttachConfig, EnergyConfig, SystemConfig, TileConfig

_NAME: Final = "simulated-system"  # as messages of the engines have it
_ANY: Final = "any"  # in place of a section's preset
_NO_TILE: Final = TileConfig(
    name=_ANY,
    rows=1,
    columns=1,
    dac_bits=2,
    adc_bits=2,
    dac_latency_ns=0.0,
    crossbar_latency_ns=0.0,
    adc_latency_ns=0.0,
    program_row_latency_ns=0.0,
    io_bandwidth_gb_per_s=1.0,
    double_buffer=False,
    io="pio",
    noise=False,
    output_noise_lsb=0.0,
    read_noise_lsb=0.0,
    seed=0,
)
_NO_ATTACH: Final = AttachConfig(
    name=_ANY,
    point="bus",
    load_latency_ns=0.0,
    store_latency_ns=0.0,
    load_latency_cycles=0,
    store_latency_cycles=0,
    extra_beat_ns=0.0,
    dma_bandwidth_gb_per_s=1.0,
)
_DRAM: Final = "dram_"  # begins the energies that gem5's own model of the DRAM looks at

SectionT = TypeVar("SectionT", bound=BaseModel)


def visible_system(system: SystemConfig, tiles_used: int, engine: str) -> SystemConfig:
    """``system``, with a fixed value for whatever a program on ``tiles_used`` tiles cannot see.

    Invisible are names, tiles beyond those used, energies (`harness.stats.energy` computes them
    from the events), and tile and attachment where no tile is used.  gem5 reports the energy of
    its own DRAM, but not what has none in the configuration: to it ``dram_`` energies are visible.
    """
    is_gem5 = engine == "gem5"
    return SystemConfig(
        name=_NAME,
        cores=system.cores,
        tiles=tiles_used,
        core=_nameless(system.core),
        caches=_nameless(system.caches),
        memory=_nameless(system.memory),
        attach=_nameless(system.attach) if tiles_used else _NO_ATTACH,
        tile=_nameless(system.tile) if tiles_used else _NO_TILE,
        energy=_energy(system.energy if is_gem5 else None),
    )


def _nameless(section: SectionT) -> SectionT:
    return section.model_copy(update={"name": _ANY})


def _energy(seen: EnergyConfig | None) -> EnergyConfig:
    """Zero, but for the energies of the DRAM if they are ``seen``."""
    values = {
        key: getattr(seen, key) if seen is not None and key.startswith(_DRAM) else 0.0
        for key in EnergyConfig.model_fields
        if key != "name"
    }
    return EnergyConfig(name=_ANY, **values)
