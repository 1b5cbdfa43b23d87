"""Energy of a region: events times per-event energies, and leakage times time.

Every formula is explained in docs/energy.md.  Energies are pJ; mW times ns is pJ.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from harness.config.schema import SystemConfig
from harness.engines.protocol import DramEnergy, RegionStats

_PS_PER_NS: Final = 1000


@dataclass(frozen=True)
class EnergyBreakdown:
    """Energy by component, in pJ."""

    core_ops_pj: float = 0.0  # execution units, registers, load/store unit, branches
    core_fetch_pj: float = 0.0  # front end, without the instruction cache
    l1_pj: float = 0.0
    l2_pj: float = 0.0
    dram_pj: float = 0.0
    bus_pj: float = 0.0  # the core's device accesses to tiles
    tile_dac_pj: float = 0.0
    tile_crossbar_pj: float = 0.0
    tile_adc_pj: float = 0.0
    tile_transfer_pj: float = 0.0  # into and out of the tiles' buffers
    tile_program_pj: float = 0.0
    core_leakage_pj: float = 0.0
    l2_leakage_pj: float = 0.0
    dram_background_pj: float = 0.0
    tile_leakage_pj: float = 0.0

    @property
    def total_pj(self) -> float:
        return sum(self.components().values())

    def components(self) -> dict[str, float]:
        """Energy by field name, in declaration order."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def groups(self) -> dict[str, float]:
        """Energy by `ENERGY_GROUPS`, in pJ; the groups sum to the total."""
        return {
            group: sum(getattr(self, name) for name in names)
            for group, names in ENERGY_GROUPS.items()
        }

    def __add__(self, other: EnergyBreakdown) -> EnergyBreakdown:
        return EnergyBreakdown(
            **{
                field.name: getattr(self, field.name) + getattr(other, field.name)
                for field in fields(self)
            }
        )

    def scaled(self, factor: float) -> EnergyBreakdown:
        """Every component times ``factor``."""
        return EnergyBreakdown(
            **{name: value * factor for name, value in self.components().items()}
        )


ENERGY_GROUPS: Final = {
    "core": ("core_ops_pj", "core_fetch_pj", "core_leakage_pj"),
    "caches": ("l1_pj", "l2_pj", "l2_leakage_pj"),
    "DRAM": ("dram_pj", "dram_background_pj"),
    "tile transfer": ("bus_pj", "tile_transfer_pj"),
    "tile": (
        "tile_dac_pj",
        "tile_crossbar_pj",
        "tile_adc_pj",
        "tile_program_pj",
        "tile_leakage_pj",
    ),
}
"""Components by where a reader looks for them; every component stands in one group."""


def region_energy(region: RegionStats, system: SystemConfig, tiles_used: int) -> EnergyBreakdown:
    """The energy of all executions of ``region``.

    Args:
        region: Its events; `harness.stats.check.check_result` has passed.
        system: The per-event energies and leakage powers, and the number of cores.
        tiles_used: Tiles that hold weights in this program, whose leakage is counted.
    """
    event, cost = region.events, system.energy
    time_ns = region.time_ns
    core_ops_pj = (
        event["int_ops"] * cost.int_op_pj
        + (event["simd_ops"] - event["dot_ops"]) * cost.simd_op_pj
        + event["dot_ops"] * cost.dot_op_pj
        + event["fp_ops"] * cost.fp_op_pj
        + (event["loads"] + event["stores"]) * cost.load_store_pj
        + event["branches"] * cost.branch_pj
    )
    # An L1 access moves 64 bits; a fill or a write-back moves a line through the same port.
    words_per_line = system.caches.l1d.line_bytes // 8
    l1_lines = event["l1i_misses"] + event["l1d_misses"] + event["l1d_writebacks"]
    l1_accesses = event["l1i_accesses"] + event["l1d_accesses"] + l1_lines * words_per_line
    l2_accesses = event["l2_accesses"] + event["l2_misses"] + event["l2_writebacks"]
    device_accesses = event["tile_device_reads"] + event["tile_device_writes"]
    dram = region.dram_energy or DramEnergy(
        access_pj=event["dram_read_bytes"] * cost.dram_read_pj_per_byte
        + event["dram_write_bytes"] * cost.dram_write_pj_per_byte
        + event["dram_activates"] * cost.dram_activate_pj,
        background_pj=cost.dram_background_mw * time_ns
        + cost.dram_open_mw * event["dram_open_ps"] / _PS_PER_NS,
    )
    return EnergyBreakdown(
        core_ops_pj=core_ops_pj,
        core_fetch_pj=event["instructions"] * cost.fetch_pj,
        l1_pj=l1_accesses * cost.l1_access_pj,
        l2_pj=l2_accesses * cost.l2_access_pj,
        dram_pj=dram.access_pj,
        bus_pj=device_accesses * cost.bus_pj_per_access,
        tile_dac_pj=event["tile_dac_conversions"] * cost.tile_dac_pj,
        tile_crossbar_pj=event["tile_cell_reads"] * cost.tile_cell_pj,
        tile_adc_pj=event["tile_adc_conversions"] * cost.tile_adc_pj,
        tile_transfer_pj=(event["tile_bytes_in"] + event["tile_bytes_out"])
        * cost.tile_transfer_pj_per_byte,
        tile_program_pj=event["tile_cells_programmed"] * cost.tile_program_cell_pj,
        core_leakage_pj=system.cores * cost.core_leakage_mw * time_ns,
        l2_leakage_pj=cost.l2_leakage_mw * time_ns,
        dram_background_pj=dram.background_pj,
        tile_leakage_pj=tiles_used * cost.tile_leakage_mw * time_ns,
    )
