"""Models of the time of an analog layer and of programming its tiles, for placement's decisions.

They use the configuration alone (docs/tiles.md); reported times are simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from harness.config.schema import SystemConfig
from harness.placement.bounds import (
    VECTOR,
    matrix_bound,
    multiplication_ns,
    vector_access_ns,
)
from harness.placement.cut import Extent, tiles_needed

CONDUCTANCE_BYTES = 2
SCALE_BYTES = 4  # of a column, beside its conductances
# Time of the kernels to finish columns over the SIMD units' minimum time, measured on the embedded
# engine (docs/tiles.md).
LINEWISE_FACTOR = 1.35  # of whole vectors
COLUMNS_FACTOR = 2.8  # of others
PIO_PIXEL_CYCLES = 250  # of a pixel by programmed I/O beside accesses and SIMD work; measured
REGISTER_STORES = 2  # START and POP of an MVM by programmed I/O
REGISTER_LOADS = 1  # its STATUS


def layer_time_ns(
    rows: int, columns: int, pixels: int, most_pixels: int, copies: int, system: SystemConfig
) -> float:
    """Time of a ``rows`` x ``columns`` matrix whose ``copies`` share ``pixels``.

    The largest of three times: the slowest copy's tiles, all tiles' patches and codes on their
    shared path, and the core's work. By programmed I/O the core's work includes the accesses.

    Args:
        most_pixels: Pixels of the copy that has the most.
    """
    tile, attach, clock_ghz = system.tile, system.attach, system.core.clock_ghz
    bound = matrix_bound(rows, columns, pixels, system)
    blocks = tiles_needed(rows, columns, tile)
    mvm_ns = multiplication_ns(tile)
    whole = columns % VECTOR == 0
    digital_ns = bound.digital_ns * (LINEWISE_FACTOR if whole else COLUMNS_FACTOR)
    if tile.io == "dma":
        bandwidth = min(tile.io_bandwidth_gb_per_s, attach.dma_bandwidth_gb_per_s)
        code_bytes = 1 if tile.adc_bits <= 8 else 2
        in_ns = min(rows, tile.rows) / bandwidth
        out_ns = min(columns, tile.columns) * code_bytes / bandwidth
        parts = (in_ns, mvm_ns, out_ns)
        cycle_ns = max(parts) if tile.double_buffer else sum(parts)
        moved = max(
            rows * ceil(columns / tile.columns), columns * ceil(rows / tile.rows) * code_bytes
        )
        shared_ns = pixels * moved / attach.dma_bandwidth_gb_per_s
        starts_ns = copies * blocks * system.device_store_ns()
        return max(most_pixels * cycle_ns, shared_ns, digital_ns) + starts_ns
    store_ns, load_ns = system.device_store_ns(), system.device_load_ns()
    registers_ns = REGISTER_STORES * store_ns + REGISTER_LOADS * load_ns
    moves_ns = bound.transfer_ns / pixels + blocks * registers_ns
    own_ns = PIO_PIXEL_CYCLES / clock_ghz
    # With one bank, about half of the core's own work overlaps the conversion.
    cycle_ns = mvm_ns if tile.double_buffer else mvm_ns + moves_ns + own_ns / 2
    return max(most_pixels * cycle_ns, pixels * (moves_ns + own_ns) + digital_ns)


def programming_time_ns(blocks: Sequence[Extent], system: SystemConfig) -> float:
    """Time to program ``blocks`` into a tile each.

    By DMA all tiles load their rows at once, over a shared path. By programmed I/O the core writes
    one tile after the other, and programming of cells overlaps the next writes.
    """
    tile, attach = system.tile, system.attach
    sizes = [CONDUCTANCE_BYTES * b.rows * b.columns + SCALE_BYTES * b.columns for b in blocks]
    if tile.io == "dma":
        bandwidth = min(tile.io_bandwidth_gb_per_s, attach.dma_bandwidth_gb_per_s)
        path = min(attach.dma_bandwidth_gb_per_s, system.memory.bandwidth_gb_per_s)
        slowest_ns = max(
            size / bandwidth + b.rows * tile.program_row_latency_ns
            for size, b in zip(sizes, blocks, strict=True)
        )
        return max(slowest_ns, sum(sizes) / path)
    store_ns, _ = vector_access_ns(system)
    written_ns = done_ns = 0.0
    for size, block in zip(sizes, blocks, strict=True):
        own_ns = size / VECTOR * store_ns + block.rows * system.device_store_ns()
        cells_ns = block.rows * tile.program_row_latency_ns
        done_ns = max(done_ns, written_ns + max(own_ns, cells_ns))
        written_ns += own_ns
    return done_ns
