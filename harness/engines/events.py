"""The vocabulary of event counts that every engine reports, per region.

``cycles`` is split, exactly, into the four ``cycles_*`` causes.
"""

from __future__ import annotations

from typing import Final

CYCLE_CAUSES: Final = (
    "cycles_compute",  # issuing, and waiting for results of the core's own units
    "cycles_memory",  # waiting for the caches beyond the L1 hit, and for DRAM
    "cycles_tile_transfer",  # device accesses to tiles, and waiting for their DMA
    "cycles_tile_mvm",  # polling a tile that converts
)

INSTRUCTION_EVENTS: Final = (
    "instructions",
    "int_ops",
    "simd_ops",
    "dot_ops",  # SDOT/UDOT, also counted in simd_ops
    "fp_ops",
    "loads",
    "stores",
    "branches",
    "branch_mispredicts",
)

MEMORY_EVENTS: Final = (
    "l1i_accesses",  # fetches of up to a line, not instructions
    "l1i_misses",
    "l1d_accesses",
    "l1d_misses",
    "l1d_writebacks",
    "l2_accesses",  # lines: L1 misses and write-backs, prefetches, DMA through the L2
    "l2_misses",
    "l2_writebacks",
    "dram_read_bytes",
    "dram_write_bytes",
    "dram_activates",  # rows opened
    "dram_open_ps",  # a row of any bank was open
)

TILE_EVENTS: Final = (
    "tile_mvms",
    "tile_dac_conversions",
    "tile_adc_conversions",
    "tile_cell_reads",  # active rows x active columns, summed over MVMs
    "tile_adc_saturations",
    "tile_bytes_in",
    "tile_bytes_out",
    "tile_cells_programmed",
    "tile_device_reads",
    "tile_device_writes",
    "tile_dma_descriptors",
    "tile_guest_errors",
    "tile_busy_ps",
)

ALL_EVENTS: Final = ("cycles", *CYCLE_CAUSES, *INSTRUCTION_EVENTS, *MEMORY_EVENTS, *TILE_EVENTS)
