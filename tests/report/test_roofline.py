"""The roofline: limits from the configuration, points from the figures."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from PIL import Image

from harness.config.load import load_config
from harness.report.roofline import draw_roofline, points, roofline_csv, roofs
from tests.report.comparisons import comparison, renamed, with_fp32


def test_roofs_follow_from_the_system() -> None:
    overrides = (
        "core.clock_ghz=2",
        "memory=ddr4-2400",
        "memory.latency_ns=50",
        "memory.bandwidth_gb_per_s=20",
        "caches.l1d.mshrs=4",
        "caches.l1d.hit_latency_cycles=2",
        "caches.l2.hit_latency_cycles=18",
    )
    system = load_config(system="alpine-hp", overrides=[f"system.{o}" for o in overrides]).system
    found = roofs(system)
    assert found.memory == pytest.approx(10)
    assert found.misses == pytest.approx(4 * 64 / (100 + 20))


def test_points_are_the_digital_layers_with_macs() -> None:
    original = with_fp32(comparison())
    found = points(original)
    assert [(p.program, p.layer) for p in found] == [
        ("digital", "conv0"),
        ("digital", "conv2"),
        ("fp32", "conv0"),
        ("fp32", "conv2"),
    ]
    digital, layer = found[0], original.digital.layers[0]
    assert digital.achieved == pytest.approx(layer.macs / layer.cycles)
    assert digital.intensity is not None
    assert digital.intensity == pytest.approx(2 * layer.macs / layer.events["dram_read_bytes"])
    limit = digital.intensity * roofs(original.config.system).misses
    assert digital.attainable == pytest.approx(min(16, limit))
    assert digital.share == pytest.approx(digital.achieved / digital.attainable)
    assert (found[0].peak, found[2].peak) == (16, 4)


def test_a_layer_without_traffic_is_bound_by_the_peak() -> None:
    original = comparison(1, mapped=False)
    (layer,) = original.digital.layers
    quiet = replace(layer, events={**layer.events, "dram_read_bytes": 0, "dram_write_bytes": 0})
    found = points(replace(original, digital=replace(original.digital, layers=(quiet,))))
    assert found[0].intensity is None
    assert found[0].attainable == 16


def test_the_table_and_the_picture() -> None:
    original = with_fp32(comparison(6))
    table = list(csv.DictReader(io.StringIO(roofline_csv(original))))
    assert [row["layer"] for row in table] == [point.layer for point in points(original)]
    assert all(float(row["share_of_attainable"]) > 0 for row in table)
    data = draw_roofline(original)
    assert data == draw_roofline(original)
    assert Image.open(io.BytesIO(data)).size == (1261, 754)
    many = Image.open(io.BytesIO(draw_roofline(comparison(80))))
    assert many.size == (1482, 754)  # two columns of layers
    draw_roofline(renamed(original, "$\\frac{1}{0$ \x1b ☃"))
    nothing = comparison(1, mapped=False)
    layers = tuple(replace(layer, macs=0) for layer in nothing.digital.layers)
    draw_roofline(replace(nothing, digital=replace(nothing.digital, layers=layers)))
