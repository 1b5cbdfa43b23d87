"""Summaries against arithmetic done by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.errors import MismatchError, StatsError
from harness.stats.energy import region_energy
from harness.stats.summary import (
    CycleSplit,
    ProgramSummary,
    gain,
    layer_gain,
    peak_macs_per_cycle,
    summarize,
)
from tests.stats.runs import ADD, CONV, CONV_ON_TILE, LAYERS, LAYERS_ON_TILE, run, system

SYSTEM = system()


def digital() -> ProgramSummary:
    return summarize("digital", run(CONV, ADD), SYSTEM, LAYERS, images=2, tiles_used=0)


def mapped() -> ProgramSummary:
    result = run(CONV_ON_TILE, ADD)
    return summarize("analog", result, SYSTEM, LAYERS_ON_TILE, images=2, tiles_used=2)


def test_a_layer_is_given_for_one_inference() -> None:
    conv, add = digital().layers
    assert (conv.time_ns, conv.cycles) == (1000.0, 2000.0)
    assert conv.causes == CycleSplit(1500.0, 500.0, 0.0, 0.0)
    assert conv.causes.total == conv.cycles
    assert conv.energy.total_pj == pytest.approx(region_energy(CONV, SYSTEM, 0).total_pj / 2)
    assert conv.events["loads"] == 900
    assert add.time_ns == 100.0


def test_utilisation_is_the_share_of_the_dot_product_peak() -> None:
    assert peak_macs_per_cycle(SYSTEM.core) == 16
    conv, add = digital().layers
    assert conv.utilisation == 12000 / (2000 * 16)
    assert add.utilisation is None
    assert digital().utilisation == conv.utilisation
    assert mapped().layers[0].utilisation is None
    assert mapped().utilisation is None


def test_a_kernel_at_the_peak_has_utilisation_1() -> None:
    """1500 SDOT in 1500 cycles: 24000 MACs."""
    events = {**CONV.events, "cycles": 1500, "cycles_compute": 1500, "cycles_memory": 0}
    conv = replace(CONV, visits=1, time_ns=750.0, events=events)
    layer = replace(LAYERS[0], macs=1500 * 16)
    summary = summarize("digital", run(conv), SYSTEM, [layer], images=1, tiles_used=0)
    assert summary.utilisation == 1.0


def test_totals_are_sums() -> None:
    summary = digital()
    assert summary.time_ns == 1100.0
    assert summary.cycles == 2200.0
    assert summary.macs == 12000
    assert summary.causes == CycleSplit(1700.0, 500.0, 0.0, 0.0)
    assert summary.energy.total_pj == pytest.approx(
        sum(layer.energy.total_pj for layer in summary.layers)
    )
    assert summary.layer("add1") is summary.layers[1]
    assert summary.layer("none") is None


def test_gain_by_hand() -> None:
    base, program = digital(), mapped()
    result = gain(base, program)
    assert result.speed_up == 1100 / 350
    assert result.energy_gain == pytest.approx(base.energy.total_pj / program.energy.total_pj)
    conv = layer_gain(base.layers[0], program.layers[0])
    assert conv is not None
    assert conv.speed_up == 4.0
    assert gain(base, base).speed_up == 1.0


def test_a_layer_that_costs_nothing_has_no_gain() -> None:
    base = digital().layers[0]
    free = replace(base, time_ns=0.0)
    assert layer_gain(base, free) is None


def test_unusable_runs_give_no_summary() -> None:
    with pytest.raises(MismatchError):
        summarize("d", run(CONV, ADD, exit_code=1), SYSTEM, LAYERS, images=2, tiles_used=0)
    with pytest.raises(StatsError, match="visited 2 times instead of 3"):
        summarize("d", run(CONV, ADD), SYSTEM, LAYERS, images=3, tiles_used=0)
    with pytest.raises(StatsError, match="0 measured images"):
        summarize("d", run(CONV, ADD), SYSTEM, LAYERS, images=0, tiles_used=0)
    with pytest.raises(StatsError, match="do not fit"):
        other = system("system.core.clock_ghz=1")
        summarize("d", run(CONV, ADD), other, LAYERS, images=2, tiles_used=0)
    with pytest.raises(StatsError, match="no ratio"):
        empty = summarize("d", run(), SYSTEM, [], images=1, tiles_used=0)
        gain(digital(), empty)
