"""Lower bounds of the time of a matrix on tiles, from the configuration alone.

The bound is the largest of three times; each can overlap the others but not itself.  They are the
tiles' MVMs, the transfers between tiles and memory or core, and the core's SIMD work.  A layer of
few pixels cannot reach it, since the first codes arrive only after an input transfer and an MVM,
and the last outputs are computed after the last codes.  The serial bound adds these two ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

from harness.config.schema import SystemConfig, TileConfig

VECTOR: Final = 16  # bytes of a SIMD register, and of the widest device access
OPS_PER_CODES: Final = 2  # SADDW and SADDW2 add 16 int8 codes to int16 sums
OPS_PER_WIDE_CODES: Final = 4  # the same for 16 int16 codes and int32 sums
OPS_PER_OUTPUTS: Final = 20
"""Operations per 16 outputs: widen, scale and add to the loaded bias (4), multiply (4), shift (4),
narrow (6) and clamp (2)."""


@dataclass(frozen=True)
class AnalogBound:
    """Times in ns of one inference, each without the others.

    Attributes:
        first_codes_ns: From the start until the core can read the first pixel's codes of any tile.
        ends_ns: The first pixel's input, the last pixel's codes and the remaining work on them, for
            the largest block.
    """

    tile_ns: float
    transfer_ns: float
    digital_ns: float
    first_codes_ns: float
    ends_ns: float

    @property
    def time_ns(self) -> float:
        return max(self.tile_ns, self.transfer_ns, self.digital_ns)

    @property
    def serial_ns(self) -> float:
        """The bound with the ends before and after each time; never below `time_ns`."""
        digital_ns = self.first_codes_ns + self.digital_ns
        return max(self.ends_ns + self.tile_ns, self.transfer_ns, digital_ns)

    @property
    def by(self) -> str:
        """The name of the time that is the bound."""
        if self.time_ns == self.tile_ns:
            return "tile"
        return "transfer" if self.time_ns == self.transfer_ns else "digital"


def multiplication_ns(tile: TileConfig) -> float:
    """Time for which an MVM occupies a tile's converters."""
    return tile.dac_latency_ns + tile.crossbar_latency_ns + tile.adc_latency_ns


def vector_access_ns(system: SystemConfig) -> tuple[float, float]:
    """A store and a load of `VECTOR` bytes of a tile's window by the core."""
    attach = system.attach
    port_ns = VECTOR / system.tile.io_bandwidth_gb_per_s
    store_ns = system.device_store_ns() + attach.extra_beat_ns + port_ns
    return store_ns, system.device_load_ns() + attach.load_beat_ns + port_ns


def matrix_bound(
    rows: int, columns: int, pixels: int, system: SystemConfig, *, copies: int = 1, parts: int = 1
) -> AnalogBound:
    """The bound of a ``rows`` x ``columns`` matrix that is multiplied ``pixels`` times.

    All tiles work at once, ``parts`` of the columns follow one another, and ``copies`` of the
    matrix share the pixels.  By DMA each tile moves its own inputs and codes, both ways at once,
    and all codes share one bus crossbar.  By programmed I/O the core moves all of them one after
    the other, 16 bytes per access.
    """
    tile, attach, core = system.tile, system.attach, system.core
    row_blocks, column_blocks = ceil(rows / tile.rows), ceil(columns / tile.columns)
    code_bytes = 1 if tile.adc_bits <= 8 else 2
    most_rows, most_columns = min(rows, tile.rows), min(columns, tile.columns)
    own_pixels = ceil(pixels / copies) * parts  # of each copy's tiles, at best
    # Of the smallest block.
    least_rows = rows - (row_blocks - 1) * tile.rows
    least_columns = columns - (column_blocks - 1) * tile.columns
    if tile.io == "dma":
        bandwidth = min(tile.io_bandwidth_gb_per_s, attach.dma_bandwidth_gb_per_s)
        # Only codes: the inputs may be padding, which is not moved.
        all_codes_ns = columns * row_blocks * code_bytes / attach.dma_bandwidth_gb_per_s
        own_ns = max(most_rows, most_columns * code_bytes) / bandwidth
        transfer_ns = max(own_pixels * own_ns, pixels * all_codes_ns)
        in_ns, out_ns = 1 / bandwidth, code_bytes / bandwidth  # a row's, a column's
    else:
        store_ns, load_ns = vector_access_ns(system)
        inputs = rows * column_blocks / VECTOR
        outputs = columns * row_blocks * code_bytes / VECTOR
        transfer_ns = pixels * (inputs * store_ns + outputs * load_ns)
        in_ns, out_ns = store_ns / VECTOR, load_ns * code_bytes / VECTOR
    ops_per_codes = OPS_PER_CODES if code_bytes == 1 else OPS_PER_WIDE_CODES
    vectors = pixels * columns / VECTOR
    # The first two row blocks' codes are one sum (SADDL); a single one is only widened.
    sums = max(row_blocks - 1, 1)
    operations = vectors * (sums * ops_per_codes + OPS_PER_OUTPUTS)
    per_ns = min(core.simd_units, core.issue_width) * core.clock_ghz
    mvm_ns = multiplication_ns(tile)
    requantize_ns = least_columns / VECTOR * OPS_PER_OUTPUTS / per_ns
    return AnalogBound(
        tile_ns=own_pixels * mvm_ns,
        transfer_ns=transfer_ns,
        digital_ns=operations / per_ns,
        first_codes_ns=least_rows * in_ns + mvm_ns + least_columns * out_ns,
        ends_ns=most_rows * in_ns + least_columns * out_ns + requantize_ns,
    )
