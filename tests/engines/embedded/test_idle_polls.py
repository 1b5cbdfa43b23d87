"""Iterations of polling loops are counted instead of executed: nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.config.schema import SystemConfig
from harness.engines.embedded.engine import EmbeddedEngine
from harness.engines.protocol import RunResult
from harness.errors import EngineError
from tests.engines.embedded.guest_programs import build_guest, run, system

# The regions of guests/poll_loops.c.
NAMES = ("one poll", "branches", "two tiles", "counted", "nested", "no loop")


@pytest.fixture(scope="module")
def waits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_guest(tmp_path_factory.mktemp("waits"), "poll_loops")


def measured(result: RunResult) -> RunResult:
    assert result.exit_code == 0
    return replace(result, host_seconds=0.0)


@pytest.mark.parametrize("point", ["core", "bus"])
@pytest.mark.parametrize("latency_ns", [0, 130, 999.5, 12_345.6, 60_001])
def test_results_are_those_of_polling(waits: Path, point: str, latency_ns: float) -> None:
    config = system(
        "tiles=2",
        f"attach={point}",
        "tile.noise=false",
        "tile.io=pio",
        "tile.adc_bits=8",
        f"tile.crossbar_latency_ns={latency_ns}",
    )
    polled = run(waits, config, NAMES, check=True)
    assert measured(run(waits, config, NAMES)) == measured(polled)


def slow_system(**values: float) -> SystemConfig:
    overrides = (f"tile.{key}={value}" for key, value in values.items())
    return system("tiles=1", "tile.noise=false", "tile.dac_bits=8", *overrides)


def test_a_second_of_waiting_is_skipped(tmp_path: Path) -> None:
    """Executed, it would be some 500 million instructions, beyond the 5 s of the time-out."""
    elf = build_guest(tmp_path, "wait_for_mvm")
    config = slow_system(crossbar_latency_ns=1e9)
    result = EmbeddedEngine().run(elf, config, {1: "wait"}, timeout_s=5)
    assert result.exit_code == 0
    events = result.regions[0].events
    # A second at 2.3 GHz; polls are 1e-8 s apart, start and end cost far less than 1e-3 s.
    assert events["cycles"] == pytest.approx(2.3e9, rel=1e-3)
    assert events["cycles_tile_mvm"] == pytest.approx(2.3e9, rel=1e-3)
    assert events["tile_device_reads"] > 5e7  # a poll takes less than 20 ns
    assert events["instructions"] > events["tile_device_reads"]


def test_the_time_out_names_the_latency(tmp_path: Path) -> None:
    elf = build_guest(tmp_path, "wait_for_mvm", "-DCOUNT_POLLS")
    with pytest.raises(EngineError) as caught:
        EmbeddedEngine().run(elf, slow_system(adc_latency_ns=1e9), {1: "wait"}, timeout_s=0.2)
    message = str(caught.value)
    assert "did not end within 0.2 s; the program waits for a tile" in message
    assert "the longest latency is system.tile.adc_latency_ns=1e+09" in message


def test_more_time_than_the_clock_holds_is_said(tmp_path: Path) -> None:
    elf = build_guest(tmp_path, "wait_for_mvm", "-DFOREVER")
    with pytest.raises(EngineError) as caught:
        EmbeddedEngine().run(elf, slow_system(crossbar_latency_ns=1e9), {}, timeout_s=60)
    assert "s of simulated time" in str(caught.value)
    assert "the longest latency is system.tile.crossbar_latency_ns=1e+09" in str(caught.value)
