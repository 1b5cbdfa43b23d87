"""DRAM behind gem5's memory controller, by the name of the harness's memory preset."""

from __future__ import annotations

from dataclasses import dataclass, fields

from m5.objects import AddrRange, DDR4_2400_8x8, DRAMInterface, MemCtrl

from gem5_configs.settings import EnergySettings, MemorySettings, SettingsError


@dataclass(frozen=True)
class Technology:
    """A DRAM model of gem5, and what the harness's presets say of it."""

    interface: type[DRAMInterface]
    ranks: int  # docs/energy.md
    latency_ns: float
    bandwidth_gb_per_s: float
    dram_read_pj_per_byte: float
    dram_write_pj_per_byte: float
    dram_activate_pj: float
    dram_background_mw: float
    dram_open_mw: float


TECHNOLOGIES = {
    "ddr4-2400": Technology(
        DDR4_2400_8x8,
        ranks=1,
        latency_ns=61.7,
        bandwidth_gb_per_s=19.2,
        dram_read_pj_per_byte=42.9,
        dram_write_pj_per_byte=36.9,
        dram_activate_pj=4289.0,
        dram_background_mw=419.4,
        dram_open_mw=146.4,
    )
}

ENERGIES = tuple(field.name for field in fields(Technology) if field.name.startswith("dram_"))


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
    for key in ENERGIES:
        if getattr(energy, key) not in (0.0, getattr(technology, key)):
            raise SettingsError(
                f"system.energy.{key}: gem5's DRAM model decides it;"
                f" {name} has {getattr(technology, key):g}, 0 leaves it out"
            )
    if (energy.dram_background_mw == 0) != (energy.dram_open_mw == 0):
        raise SettingsError(
            "system.energy.dram_open_mw: gem5 has one background energy;"
            " leave out dram_background_mw and dram_open_mw together"
        )
    return MemCtrl(dram=technology.interface(range=where, ranks_per_channel=technology.ranks))
