"""DRAM behind gem5's memory controller, by the name of the harness's memory preset."""

from __future__ import annotations

from dataclasses import dataclass

from m5.objects import AddrRange, DDR4_2400_8x8, DRAMInterface, MemCtrl

from gem5_configs.settings import EnergySettings, MemorySettings, SettingsError


@dataclass(frozen=True)
class Technology:
    """A DRAM model of gem5, and what the harness's presets say of it."""

    interface: type[DRAMInterface]
    ranks: int  # docs/energy.md
    latency_ns: float
    bandwidth_gb_per_s: float
    dram_pj_per_byte: float
    dram_background_mw: float


TECHNOLOGIES = {"ddr4-2400": Technology(DDR4_2400_8x8, 1, 61.7, 19.2, 143.0, 326.0)}


def make_memory(settings: MemorySettings, energy: EnergySettings, where: AddrRange) -> MemCtrl:
    """A controller with one channel of DRAM at `where`.

    Raises:
        SettingsError: gem5 has no model of this memory here.
    """
    name = settings.name.removesuffix(".modified")
    technology = TECHNOLOGIES.get(name)
    if technology is None:
        valid = ", ".join(TECHNOLOGIES)
        raise SettingsError(f"system.memory.name: {settings.name!r} is not one of {valid}")
    for key in ("latency_ns", "bandwidth_gb_per_s"):
        if getattr(settings, key) != getattr(technology, key):
            raise SettingsError(
                f"system.memory.{key}: gem5's DRAM model decides it;"
                f" {name} has {getattr(technology, key):g}"
            )
    for key in ("dram_pj_per_byte", "dram_background_mw"):
        if getattr(energy, key) not in (0.0, getattr(technology, key)):
            raise SettingsError(
                f"system.energy.{key}: gem5's DRAM model decides it;"
                f" {name} has {getattr(technology, key):g}, 0 leaves it out"
            )
    return MemCtrl(dram=technology.interface(range=where, ranks_per_channel=technology.ranks))
