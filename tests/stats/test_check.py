"""Every kind of damage to a run's statistics is an error; a whole run passes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.engines.events import ALL_EVENTS
from harness.engines.protocol import DramEnergy, RegionStats, RunResult
from harness.errors import MismatchError, StatsError
from harness.stats.check import ExpectedRegion, check_outputs, check_result
from tests.stats.runs import ADD, CLOCK_GHZ, CONV, CONV_ON_TILE, run

EXPECTED = (ExpectedRegion(1, "conv1", 2), ExpectedRegion(2, "add1", 2))


def with_events(region: RegionStats, **counts: int) -> RegionStats:
    return replace(region, events={**region.events, **counts})


def without_event(region: RegionStats, name: str) -> RegionStats:
    return replace(region, events={k: v for k, v in region.events.items() if k != name})


def test_a_whole_run_passes() -> None:
    check_result(run(CONV, ADD), EXPECTED, clock_ghz=CLOCK_GHZ)
    check_result(run(ADD, CONV_ON_TILE), EXPECTED, clock_ghz=CLOCK_GHZ)
    check_outputs(run(CONV, ADD))


DAMAGE: list[tuple[Callable[[], RunResult], str]] = [
    (lambda: run(CONV), "region 2 (add1) is missing"),
    (lambda: run(CONV, ADD, replace(ADD, region=3)), "region 3 (add1) was not expected"),
    (lambda: run(CONV, CONV, ADD), "region 1 (conv1) stands twice"),
    (lambda: run(CONV, replace(ADD, visits=1)), "add1: visited 1 times instead of 2"),
    (lambda: run(CONV, replace(ADD, name="sub1")), "named 'sub1' instead of 'add1'"),
    (lambda: run(CONV, without_event(ADD, "loads")), "events are missing: loads"),
    (lambda: run(CONV, with_events(ADD, odd=1)), "unknown events: odd"),
    (lambda: run(CONV, with_events(ADD, loads=-1)), "loads is -1"),
    (lambda: run(CONV, with_events(ADD, loads=True)), "loads is True"),
    (lambda: run(CONV, with_events(ADD, loads=1.0)), "loads is 1.0"),  # type: ignore[arg-type]
    (lambda: run(CONV, with_events(ADD, cycles=401)), "causes sum to 400 cycles instead of 401"),
    (lambda: run(CONV, with_events(ADD, cycles_memory=1)), "causes sum to 401"),
    (
        lambda: run(CONV, replace(with_events(ADD, cycles=0, cycles_compute=0), time_ns=0.0)),
        "300 instructions took no cycle",
    ),
    (lambda: run(CONV, with_events(ADD, dot_ops=101)), "dot_ops 101 exceeds simd_ops 100"),
    (lambda: run(CONV, with_events(ADD, l2_misses=1)), "l2_misses 1 exceeds l2_accesses 0"),
    (lambda: run(CONV, with_events(ADD, tile_guest_errors=3)), "3 mistakes at the tiles"),
    (lambda: run(CONV, replace(ADD, time_ns=float("nan"))), "time_ns is nan"),
    (lambda: run(CONV, replace(ADD, time_ns=-1.0)), "time_ns is -1"),
    (lambda: run(CONV, replace(ADD, time_ns=300.0)), "300 ns do not fit 400 cycles at 2 GHz"),
    (lambda: run(CONV, replace(ADD, dram_energy=DramEnergy(-1.0, 2.0))), "access_pj=-1.0"),
    (lambda: run(CONV, replace(ADD, dram_energy=DramEnergy(1.0, math.inf))), "background_pj=inf"),
    (lambda: replace(run(CONV, ADD), simulated_ns=10.0), "the whole run 10 ns"),
    (lambda: replace(run(CONV, ADD), simulated_ns=float("inf")), "simulated_ns is inf"),
    (lambda: replace(run(CONV, ADD), instructions=100), "the whole run 100"),
    (lambda: replace(run(CONV, ADD), host_seconds=-1.0), "host_seconds is -1"),
]


@pytest.mark.parametrize(("build", "message"), DAMAGE, ids=[message for _, message in DAMAGE])
def test_damage_is_an_error_that_names_it(build: Callable[[], RunResult], message: str) -> None:
    with pytest.raises(StatsError) as caught:
        check_result(build(), EXPECTED, clock_ghz=CLOCK_GHZ)
    assert message in caught.value.what
    assert caught.value.where == "engine constructed 1"


def test_long_lists_of_problems_are_cut() -> None:
    with pytest.raises(StatsError, match="and 12 more"):
        check_result(run(), [ExpectedRegion(i, f"r{i}", 1) for i in range(20)])


def test_mismatching_outputs_are_an_error() -> None:
    with pytest.raises(MismatchError) as caught:
        check_outputs(run(CONV, ADD, exit_code=7))
    assert "7 mismatching outputs" in str(caught.value)
    assert "'hello' / 'last line'" in str(caught.value)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ALL_EVENTS), st.integers(-(10**9), -1))
def test_no_event_may_be_negative(name: str, value: int) -> None:
    with pytest.raises(StatsError, match=f"{name} is {value}"):
        check_result(run(CONV, with_events(ADD, **{name: value})), EXPECTED)
