"""How fast an analog layer could be at best, from the configuration alone.

The bound is the largest of three times that nothing can hide behind one another forever: the tiles'
multiplications, the transfers between them and memory or core, and the core's SIMD work.  A layer
of few pixels cannot reach it, since the first codes come only after an input and a multiplication,
and the last outputs after the last codes: the serial bound has these ends in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from statistics import fmean
from typing import Final

from harness.config.schema import SystemConfig
from harness.errors import StatsError
from harness.report.comparison import AnalogLayerInfo, Comparison
from harness.stats.summary import LayerSummary

VECTOR: Final = 16  # bytes of a SIMD register, and of the widest device access
OPS_PER_CODES: Final = 2  # SADDW and SADDW2 add 16 int8 codes to int16 sums
OPS_PER_WIDE_CODES: Final = 4  # the same for 16 int16 codes and int32 sums
OPS_PER_OUTPUTS: Final = 20
"""For 16 outputs: widen, scale and add to the bias, which a load has put there (4), multiply (4),
shift (4), narrow (6) and clamp (2)."""


@dataclass(frozen=True)
class AnalogBound:
    """Times in ns of one inference, each as if the others took none.

    Attributes:
        first_codes_ns: Until the first pixel's codes of any tile are where the core adds them up.
        ends_ns: The first pixel's input, the last one's codes and what is left to do with these, of
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
        """With what comes before and after each; never below `time_ns`."""
        digital_ns = self.first_codes_ns + self.digital_ns
        return max(self.ends_ns + self.tile_ns, self.transfer_ns, digital_ns)

    @property
    def by(self) -> str:
        """What the bound comes from."""
        if self.time_ns == self.tile_ns:
            return "tile"
        return "transfer" if self.time_ns == self.transfer_ns else "digital"


def analog_bound(layer: AnalogLayerInfo, pixels: int, system: SystemConfig) -> AnalogBound:
    """The bound of a layer that makes ``pixels`` multiplications on each of its tiles.

    All tiles work at once.  By DMA each moves its own inputs and codes, both ways at once, and all
    their codes take one crossbar; by programmed I/O the core moves all of them one after the other,
    16 bytes an access.
    """
    tile, attach, core = system.tile, system.attach, system.core
    row_blocks, column_blocks = ceil(layer.rows / tile.rows), ceil(layer.columns / tile.columns)
    if row_blocks * column_blocks != layer.tiles:
        raise StatsError(
            f"{layer.tiles} tiles for {layer.rows} x {layer.columns} on tiles of "
            f"{tile.rows} x {tile.columns}",
            where=layer.name,
        )
    code_bytes = 1 if tile.adc_bits <= 8 else 2
    rows, columns = min(layer.rows, tile.rows), min(layer.columns, tile.columns)
    # Of the smallest block.
    least_rows = layer.rows - (row_blocks - 1) * tile.rows
    least_columns = layer.columns - (column_blocks - 1) * tile.columns
    if tile.io == "dma":
        bandwidth = min(tile.io_bandwidth_gb_per_s, attach.dma_bandwidth_gb_per_s)
        # What all move: codes only, since nobody moves what is padding.
        all_codes_ns = layer.columns * row_blocks * code_bytes / attach.dma_bandwidth_gb_per_s
        transfer_ns = pixels * max(max(rows, columns * code_bytes) / bandwidth, all_codes_ns)
        in_ns, out_ns = 1 / bandwidth, code_bytes / bandwidth  # a row's, a column's
    else:
        port_ns = VECTOR / tile.io_bandwidth_gb_per_s
        load_beat = attach.load_extra_beat_ns
        load_beat = attach.extra_beat_ns if load_beat is None else load_beat
        store_ns = attach.store_ns(core.clock_ghz) + attach.extra_beat_ns + port_ns
        load_ns = attach.load_ns(core.clock_ghz) + load_beat + port_ns
        inputs = layer.rows * column_blocks / VECTOR
        outputs = layer.columns * row_blocks * code_bytes / VECTOR
        transfer_ns = pixels * (inputs * store_ns + outputs * load_ns)
        in_ns, out_ns = store_ns / VECTOR, load_ns * code_bytes / VECTOR
    ops_per_codes = OPS_PER_CODES if code_bytes == 1 else OPS_PER_WIDE_CODES
    vectors = pixels * layer.columns / VECTOR
    # The first two row blocks' codes are one sum (SADDL); a single one is only widened.
    sums = max(row_blocks - 1, 1)
    operations = vectors * (sums * ops_per_codes + OPS_PER_OUTPUTS)
    per_ns = min(core.simd_units, core.issue_width) * core.clock_ghz
    mvm_ns = tile.dac_latency_ns + tile.crossbar_latency_ns + tile.adc_latency_ns
    requantize_ns = least_columns / VECTOR * OPS_PER_OUTPUTS / per_ns
    return AnalogBound(
        tile_ns=pixels * mvm_ns,
        transfer_ns=transfer_ns,
        digital_ns=operations / per_ns,
        first_codes_ns=least_rows * in_ns + mvm_ns + least_columns * out_ns,
        ends_ns=rows * in_ns + least_columns * out_ns + requantize_ns,
    )


def layer_bound(comparison: Comparison, layer: LayerSummary) -> AnalogBound | None:
    """The bound of a layer of the mapped program; None for one that is not analog."""
    if comparison.plan is None or layer.unit != "analog":
        return None
    info = next(info for info in comparison.plan.analog_layers if info.name == layer.name)
    pixels = layer.events["tile_mvms"] // (layer.visits * layer.tiles)
    return analog_bound(info, pixels, comparison.config.system)


@dataclass(frozen=True)
class BoundRatios:
    """How far the analog layers are from their bounds."""

    mean: float  # of each layer's time over its bound
    overall: float  # their times together over their bounds together
    serial_mean: float  # of each layer's time over its serial bound


def bound_ratios(comparison: Comparison) -> BoundRatios | None:
    """Time over bound of the mapped program's analog layers; None without any."""
    if comparison.mapped is None:
        return None
    pairs = [
        (layer.time_ns, bound)
        for layer in comparison.mapped.layers
        if (bound := layer_bound(comparison, layer)) is not None and bound.time_ns > 0
    ]
    if not pairs:
        return None
    together_ns = sum(time_ns for time_ns, _ in pairs)
    return BoundRatios(
        mean=fmean(time_ns / bound.time_ns for time_ns, bound in pairs),
        overall=together_ns / sum(bound.time_ns for _, bound in pairs),
        serial_mean=fmean(time_ns / bound.serial_ns for time_ns, bound in pairs),
    )
