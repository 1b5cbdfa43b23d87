"""The bound of an analog layer, computed by hand."""

from __future__ import annotations

import pytest

from harness.config.load import load_config
from harness.config.schema import SystemConfig
from harness.errors import StatsError
from harness.report.bounds import analog_bound, bound_ratios, layer_bound
from harness.report.comparison import AnalogLayerInfo
from tests.report.comparisons import comparison

LAYER = AnalogLayerInfo("conv", rows=576, columns=300, tiles=6)  # 3 x 2 blocks of 256 x 256


def system(*overrides: str) -> SystemConfig:
    wanted = (
        "tile.crossbar_latency_ns=100",
        "tile.io_bandwidth_gb_per_s=4",
        "attach.dma_bandwidth_gb_per_s=36.8",
        "attach.store_latency_ns=2",
        "attach.store_latency_cycles=2",
        "attach.load_latency_ns=4",
        "attach.load_latency_cycles=2",
        "attach.extra_beat_ns=1",
        "attach.load_extra_beat_ns=2",
        "core.clock_ghz=2",
        *overrides,
    )
    return load_config(system="alpine-hp", overrides=[f"system.{text}" for text in wanted]).system


def test_dma_moves_each_tiles_bytes_at_once() -> None:
    bound = analog_bound(LAYER, 64, system("tile.io=dma"))
    assert bound.tile_ns == pytest.approx(64 * 100)
    assert bound.transfer_ns == pytest.approx(64 * 256 / 4)
    assert bound.digital_ns == pytest.approx(64 * 300 / 16 * (2 * 2 + 20) / 2)
    assert bound.digital_ns == bound.time_ns
    assert bound.by == "digital"


def test_codes_of_all_tiles_take_one_crossbar() -> None:
    many = AnalogLayerInfo("conv", rows=4608, columns=512, tiles=36)
    bound = analog_bound(many, 4, system("tile.io=dma", "attach.dma_bandwidth_gb_per_s=18.4"))
    assert bound.transfer_ns == pytest.approx(4 * 512 * 18 / 18.4)


def test_programmed_io_moves_all_bytes_one_after_the_other() -> None:
    bound = analog_bound(LAYER, 64, system("tile.io=pio"))
    stores, loads = 576 * 2 / 16, 300 * 3 / 16
    assert bound.transfer_ns == pytest.approx(64 * (stores * (3 + 1 + 4) + loads * (5 + 2 + 4)))
    assert bound.by == "transfer"


def test_wide_codes_take_twice_the_bytes_and_sums() -> None:
    narrow = analog_bound(LAYER, 1, system("tile.io=dma"))
    wide = analog_bound(LAYER, 1, system("tile.io=dma", "tile.adc_bits=12"))
    assert wide.transfer_ns == 2 * narrow.transfer_ns
    assert wide.digital_ns == pytest.approx(narrow.digital_ns * (2 * 4 + 20) / (2 * 2 + 20))
    slow = system("tile.io=dma", "tile.crossbar_latency_ns=1000")
    assert analog_bound(LAYER, 1, slow).by == "tile"


def test_ends_come_before_and_after() -> None:
    bound = analog_bound(LAYER, 2, system("tile.io=dma"))  # the smallest block is 64 x 44
    assert bound.first_codes_ns == pytest.approx(64 / 4 + 100 + 44 / 4)
    assert bound.ends_ns == pytest.approx(256 / 4 + 44 / 4 + 44 / 16 * 20 / 2)
    assert bound.by == "digital"
    assert bound.serial_ns == pytest.approx(bound.first_codes_ns + bound.digital_ns)
    slow = analog_bound(LAYER, 2, system("tile.io=dma", "tile.crossbar_latency_ns=10000"))
    assert slow.serial_ns == pytest.approx(slow.ends_ns + 2 * 10000)
    pio = analog_bound(LAYER, 2, system("tile.io=pio"))
    assert pio.first_codes_ns == pytest.approx(64 / 16 * (3 + 1 + 4) + 100 + 44 / 16 * (5 + 2 + 4))
    assert pio.serial_ns == pio.transfer_ns


@pytest.mark.parametrize("io", ["dma", "pio"])
@pytest.mark.parametrize("pixels", [1, 3, 1000])
def test_the_serial_bound_is_the_tighter_one(io: str, pixels: int) -> None:
    bound = analog_bound(LAYER, pixels, system(f"tile.io={io}"))
    assert bound.time_ns <= bound.serial_ns <= bound.time_ns + bound.first_codes_ns + bound.ends_ns


def test_a_single_row_block_is_widened() -> None:
    one = analog_bound(AnalogLayerInfo("conv", 200, 64, 1), 8, system("tile.io=dma"))
    two = analog_bound(AnalogLayerInfo("conv", 300, 64, 2), 8, system("tile.io=dma"))
    assert one.digital_ns == two.digital_ns == pytest.approx(8 * 64 / 16 * (2 + 20) / 2)


def test_tiles_that_do_not_fit_the_matrix_are_refused() -> None:
    with pytest.raises(StatsError, match="5 tiles"):
        analog_bound(AnalogLayerInfo("conv", 576, 300, 5), 1, system())


def test_only_analog_layers_have_a_bound() -> None:
    original = comparison()
    assert original.mapped is not None
    bounds = [layer_bound(original, layer) for layer in original.mapped.layers]
    assert [bound is not None for bound in bounds] == [True, False, True, False]
    ratios = [
        layer.time_ns / bound.time_ns
        for layer, bound in zip(original.mapped.layers, bounds, strict=True)
        if bound
    ]
    found = bound_ratios(original)
    assert found is not None
    assert found.mean == pytest.approx(sum(ratios) / 2)
    times = [layer.time_ns for layer in original.mapped.layers if layer.unit == "analog"]
    serial = [
        layer.time_ns / bound.serial_ns
        for layer, bound in zip(original.mapped.layers, bounds, strict=True)
        if bound
    ]
    assert found.serial_mean == pytest.approx(sum(serial) / 2)
    assert found.overall == pytest.approx(sum(times) / sum(b.time_ns for b in bounds if b))
    assert bound_ratios(comparison(mapped=False)) is None
