"""Rounds of polls that find nothing new are counted instead of executed: nothing else changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.config.schema import SystemConfig
from harness.engines.embedded.engine import EmbeddedEngine
from harness.engines.protocol import RunResult
from harness.errors import EngineError
from tests.engines.programs import build_tile_c, run, system

# Waits in several forms: for one tile, one status; with a look at memory and two branches; for two
# tiles in one round; with a count of the rounds; from inside an outer loop.
SOURCE = """
static volatile uint32_t watched[64];
HELPER void start(unsigned long tile) {
  REG(AIMC_WINDOW_IN) = 0x04fd0201u;
  REG(AIMC_REG_CONTROL) = AIMC_CONTROL_START;
}
HELPER int done(unsigned long tile) { return REG(AIMC_REG_STATUS) & AIMC_STATUS_OUT_VALID; }
HELPER void pop(unsigned long tile) { REG(AIMC_REG_CONTROL) = AIMC_CONTROL_POP; }
int main(void) {
  for (unsigned long tile = 0; tile < 2; tile++) {
    program(tile, 200);
    REG(AIMC_REG_ACTIVE_ROWS) = 4;
    REG(AIMC_REG_ACTIVE_COLS) = 4;
  }
  uint32_t rounds = 0;
  for (int visit = 0; visit < 3; visit++) {
    begin(1);
    start(0);
    while (!done(0)) {}
    end(1);
    pop(0);
    begin(2);
    start(1);
    for (;;) {
      unsigned long tile = 1;
      if (REG(AIMC_REG_STATUS) & AIMC_STATUS_ERROR) return 1;
      if (watched[visit] != 0) return 2;
      if (done(1)) break;
    }
    end(2);
    pop(1);
    begin(3);
    start(0);
    start(1);
    while (!(done(0) & done(1))) {}
    end(3);
    pop(0);
    pop(1);
    begin(4);
    start(0);
    while (!done(0)) rounds++;
    end(4);
    pop(0);
    begin(5);
    start(0);
    for (int looks = 0; looks == 0;) {
      for (int i = 0; i < 3; i++) looks += done(0) != 0;
    }
    end(5);
    pop(0);
  }
  begin(6);
  watched[0] = rounds;
  end(6);
  return REG_OF_BOTH;
}
"""
NAMES = ("one", "two branches", "two tiles", "counted", "nested", "stored")


@pytest.fixture(scope="module")
def waits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    errors = "(int)(*(volatile uint32_t *)(0x14000000ul + AIMC_REG_ERROR))"
    return build_tile_c(tmp_path_factory.mktemp("waits"), SOURCE.replace("REG_OF_BOTH", errors))


def measured(result: RunResult) -> RunResult:
    assert result.exit_code == 0
    return replace(result, host_seconds=0.0)


@pytest.mark.parametrize("point", ["core", "bus"])
@pytest.mark.parametrize("latency_ns", [0, 130, 999.5, 12_345.6, 60_001])
def test_the_results_are_those_of_polling(waits: Path, point: str, latency_ns: float) -> None:
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


WAIT = """
int main(void) {
  unsigned long tile = 0;
  uint32_t rounds = 0;
  begin(1);
  REG(AIMC_WINDOW_IN) = 0;
  REG(AIMC_REG_CONTROL) = AIMC_CONTROL_START;
  while (!(REG(AIMC_REG_STATUS) & AIMC_STATUS_OUT_VALID)) COUNT;
  end(1);
  return (int)rounds;
}
"""


def slow_system(**values: float) -> SystemConfig:
    overrides = (f"tile.{key}={value}" for key, value in values.items())
    return system("tiles=1", "tile.noise=false", "tile.dac_bits=8", *overrides)


def test_a_second_of_waiting_is_passed_over(tmp_path: Path) -> None:
    """Polled it would be some 500 million instructions, beyond the time that there is."""
    elf = build_tile_c(tmp_path, WAIT.replace("COUNT", "{}"))
    config = slow_system(crossbar_latency_ns=1e9)
    result = EmbeddedEngine().run(elf, config, {1: "wait"}, timeout_s=5)
    assert result.exit_code == 0
    events = result.regions[0].events
    assert events["cycles"] == pytest.approx(2.3e9, rel=1e-3)
    assert events["cycles_tile_mvm"] == pytest.approx(2.3e9, rel=1e-3)
    assert events["tile_device_reads"] > 5e7
    assert events["instructions"] > events["tile_device_reads"]


def test_the_time_out_names_the_latency(tmp_path: Path) -> None:
    elf = build_tile_c(tmp_path, WAIT.replace("COUNT", "rounds++"))
    with pytest.raises(EngineError) as caught:
        EmbeddedEngine().run(elf, slow_system(adc_latency_ns=1e9), {1: "wait"}, timeout_s=0.2)
    message = str(caught.value)
    assert "did not end within 0.2 s; the program waits for a tile" in message
    assert "the longest latency is system.tile.adc_latency_ns=1e+09" in message


def test_more_time_than_the_clock_holds_is_said(tmp_path: Path) -> None:
    source = (
        WAIT.replace("COUNT", "{}")
        .replace("  begin(1);", "  for (;;) {")
        .replace("  end(1);", "  REG(AIMC_REG_CONTROL) = AIMC_CONTROL_POP; }")
    )
    elf = build_tile_c(tmp_path, source)
    with pytest.raises(EngineError) as caught:
        EmbeddedEngine().run(elf, slow_system(crossbar_latency_ns=1e9), {}, timeout_s=60)
    assert "s of simulated time" in str(caught.value)
    assert "the longest latency is system.tile.crossbar_latency_ns=1e+09" in str(caught.value)
