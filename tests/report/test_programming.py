"""What is said of layers that are programmed at each inference, and of those with copies."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.config.load import config_hash, load_config
from harness.errors import StatsError
from harness.report.bounds import analog_bound, layer_bound
from harness.report.comparison import AnalogLayerInfo, Comparison
from harness.report.layers_csv import layers_csv
from harness.report.programming import NS_PER_DAY, programming_of
from harness.report.result_file import read_result, result_text
from harness.report.terminal import format_report
from harness.stats.summary import PROGRAMMING
from tests.report.comparisons import comparison

ROW_NS = 5_000.0


def with_policy(original: Comparison, policy: str, *overrides: str) -> Comparison:
    config = load_config(
        system="alpine-hp",
        overrides=["system.core.clock_ghz=2", f"run.placement={policy}", *overrides],
    )
    manifest = replace(original.manifest, config_hash=config_hash(config))
    return replace(original, config=config, manifest=manifest)


def reloaded(*overrides: str) -> Comparison:
    """Both analog layers by turns, each programmed for ``ROW_NS``."""
    original = with_policy(comparison(), "reload", *overrides)
    assert original.mapped is not None and original.plan is not None
    rows = []
    for layer in original.mapped.layers:
        if layer.unit == "analog":
            name = f"program {layer.name}"
            rows.append(replace(layer, name=name, kind=PROGRAMMING, macs=0, time_ns=ROW_NS))
        rows.append(layer)
    plan = original.plan
    infos = tuple(replace(info, reloaded=True) for info in plan.analog_layers)
    return replace(
        original,
        mapped=replace(original.mapped, layers=tuple(rows)),
        plan=replace(plan, analog_layers=infos),
    )


def test_resident_layers_are_programmed_once() -> None:
    assert programming_of(comparison()) is None
    assert programming_of(comparison(mapped=False)) is None
    content = json.loads(result_text(comparison()))
    assert "programming" not in content["statements"]
    assert "programming" not in content["summary"]


def test_programming_is_in_the_total_and_in_rows_of_its_own(tmp_path: Path) -> None:
    original = reloaded()
    mapped = original.mapped
    assert mapped is not None
    figures = programming_of(original)
    assert figures is not None
    assert (figures.layers, figures.writes_per_cell) == (2, 2)
    assert figures.time_ns == 2 * ROW_NS
    assert mapped.time_ns > figures.time_ns
    assert figures.writes_per_cell_and_day == pytest.approx(2 * NS_PER_DAY / mapped.time_ns)
    assert figures.pcm_days == pytest.approx(1e9 / figures.writes_per_cell_and_day)
    rows = list(csv.DictReader(io.StringIO(layers_csv(original))))
    programs = [row for row in rows if row["op"] == PROGRAMMING]
    assert [row["layer"] for row in programs] == ["program conv0", "program conv2"]
    assert all(row["speed_up"] == row["bound_tile_ns"] == "" for row in programs)
    (tmp_path / "result.json").write_text(result_text(original))
    assert read_result(tmp_path / "result.json") == original
    summary = json.loads(result_text(original))["summary"]["programming"]
    assert summary["time_ns"] == figures.time_ns
    assert [layer_bound(original, layer) is None for layer in mapped.layers] == [
        layer.unit == "digital" or layer.kind == PROGRAMMING for layer in mapped.layers
    ]


def test_the_terminal_says_what_cells_endure() -> None:
    text = " ".join(format_report(reloaded()).split())
    assert "placement reload: layers that are programmed at each inference: 2" in text
    assert "Writes of a cell, at most: 2 an inference" in text
    assert "PCM endures about 1e+09 writes" in text
    assert "program_row_latency_ns is 0" in text
    slow = format_report(reloaded("system.tile.program_row_latency_ns=10"))
    assert "program_row_latency_ns is 0" not in " ".join(slow.split())


def test_the_terminal_says_how_many_layers_have_copies() -> None:
    original = with_policy(comparison(), "replicate")
    plan, mapped = original.plan, original.mapped
    assert plan is not None and mapped is not None
    first, second = plan.analog_layers
    layers = tuple(
        replace(layer, tiles=3 * layer.tiles) if layer.name == first.name else layer
        for layer in mapped.layers
    )
    copied = replace(first, tiles=3 * first.tiles, copies=3)
    text = format_report(
        replace(
            original,
            mapped=replace(mapped, layers=layers),
            plan=replace(plan, analog_layers=(copied, second)),
        )
    )
    assert f"placement replicate: layers with copies: 1, on {2 * first.tiles} of the tiles" in text


def test_copies_share_the_time_of_the_tiles() -> None:
    system = load_config(system="alpine-hp", overrides=["system.tile.io=dma"]).system
    alone = analog_bound(AnalogLayerInfo("conv", 576, 64, 3), 1000, system)
    shared = analog_bound(AnalogLayerInfo("conv", 576, 64, 12, copies=4), 1000, system)
    assert shared.tile_ns == alone.tile_ns / 4
    assert shared.digital_ns == alone.digital_ns
    assert shared.transfer_ns <= alone.transfer_ns
    with pytest.raises(StatsError, match="12 tiles for 576 x 64 2 times"):
        analog_bound(AnalogLayerInfo("conv", 576, 64, 12, copies=2), 1000, system)
