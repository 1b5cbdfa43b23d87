"""A tile's DMA: what it does to the caches, what it takes, and what else takes longer for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from harness.config.schema import SystemConfig
from harness.engines.protocol import RunResult
from tests.engines.programs import build_tile_c, by_name, run, system

SOURCE = r"""
#define LINE 64u
#define IN_BYTES 0x3c000u /* of a tile; in other banks of the DRAM than those of the others */

/* Apart in the sets of the L1D. */
static struct {
  int8_t map[1u << 20], gap1[4096], out[4][1u << 16], gap2[4096];
  struct aimc_descriptor descriptors[4];
  int8_t large[4u << 20];
} memory __attribute__((aligned(4096)));
#define map memory.map
#define out memory.out
#define descriptors memory.descriptors
#define large memory.large

HELPER void submit(unsigned long tile, uint32_t channels, uint32_t columns, uint32_t pixels) {
  const struct aimc_descriptor d = {
    .in_base = (uint64_t)map + tile * IN_BYTES, .out_base = (uint64_t)out[tile],
    .in_channels = channels, .k_len = channels, .columns = columns,
    .out_stride = columns, .in_height = 1, .in_width = pixels,
    .count = pixels, .row_count = 1, .kernel_h = 1, .kernel_w = 1, .stride_y = 1, .stride_x = 1,
    .dilation_y = 1, .dilation_x = 1};
  descriptors[tile] = d;
  __asm__ volatile("dsb sy" ::: "memory");
  *(volatile uint64_t *)&REG(AIMC_REG_DESCRIPTOR) = (uint64_t)&descriptors[tile];
}
HELPER void wait(unsigned long tile) {
  while (REG(AIMC_REG_STATUS) & AIMC_STATUS_DMA_BUSY) {}
}
HELPER void
job(unsigned long tile, uint32_t channels, uint32_t columns, uint32_t pixels) {
  submit(tile, channels, columns, pixels);
  wait(tile);
}
HELPER int walk(volatile int8_t *from, uint32_t bytes) {
  int sum = 0;
  for (uint32_t i = 0; i < bytes; i += LINE) sum += from[i];
  return sum;
}
/* One line after the other; of zeros. */
HELPER uint32_t chase(volatile int8_t *from, uint32_t bytes) {
  uint32_t at = 0;
  while (at < bytes) at += LINE + (uint32_t)from[at];
  return at;
}
HELPER void fill(volatile int8_t *at, uint32_t bytes, int value) {
  for (uint32_t i = 0; i < bytes; i++) at[i] = (int8_t)value;
}
"""
POINTS = ("core", "bus")


def tiles(*overrides: str, point: str = "core") -> SystemConfig:
    """Tiles that convert in no time, so that DMA is what takes it."""
    latencies = [f"tile.{part}_latency_ns=1" for part in ("dac", "crossbar", "adc")]
    return system(
        "tiles=4",
        f"attach={point}",
        "tile.noise=false",
        "tile.adc_bits=8",
        "tile.columns=1024",
        "tile.rows=1024",
        "tile.io=dma",
        "tile.io_bandwidth_gb_per_s=1000",
        *latencies,
        *overrides,
    )


def build(folder: Path, main: str) -> Path:
    return build_tile_c(folder, SOURCE + main)


def regions(result: RunResult) -> dict[str, Mapping[str, int]]:
    assert result.exit_code == 0
    return {name: region.events for name, region in by_name(result).items()}


@pytest.mark.parametrize("point", POINTS)
def test_the_core_misses_what_dma_wrote_and_finds_it(tmp_path: Path, point: str) -> None:
    main = """
int main(void) {
  int sum = 0;
  program(0, 4);
  fill(map, 4, 3);
  for (int round = 0; round < 2; round++) {  /* the first one brings the program in */
    fill(out[0], 1024, 0);
    if (round) begin(1);
    walk(out[0], 1024);
    if (round) end(1);
    job(0, 4, 1024, 1);
    if (round) begin(2);
    sum += walk(out[0], 1024);
    if (round) end(2);
    if (round) begin(3);
    sum += walk(out[0], 1024);
    if (round) end(3);
    for (int i = 0; i < 4; i++) sum += out[0][i];
    walk(large, sizeof large);
    if (round) begin(4);
    job(0, 4, 1024, 4);
    if (round) end(4);
  }
  return sum != 2 * (3 + 3 + 12);
}
"""
    names = ["before", "first", "again", "job"]
    events = regions(run(build(tmp_path, main), tiles(point=point), names, check=True))
    before, first, again, _ = (events[name]["l1d_misses"] for name in names)
    assert before == again == 0
    assert 0 <= first - 1024 / 64 <= 1  # the stack's line, too
    # Whole lines are written without being read: what is read is program, inputs and descriptor.
    assert events["job"]["dram_read_bytes"] < 1024
    assert events["job"]["tile_bytes_out"] == 4096


@pytest.mark.parametrize("point", POINTS)
def test_dma_reads_what_the_core_has_just_written_and_shares_it(tmp_path: Path, point: str) -> None:
    """A line that DMA has read stays in the L1D, but the next store has to ask for it."""
    main = """
int main(void) {
  program(0, 4);
  for (int round = 1; round <= 3; round++) {
    fill(map, 64, round);
    job(0, 4, 4, 16);
    for (int i = 0; i < 64; i++) if (out[0][i] != round) return 1;
  }
  begin(1);
  int sum = walk(map, 64);
  end(1);
  begin(2);
  map[1] = 9;
  __asm__ volatile("dsb sy" ::: "memory");
  end(2);
  begin(3);
  map[2] = 9;
  __asm__ volatile("dsb sy" ::: "memory");
  end(3);
  return sum != 3;
}
"""
    names = ["load", "store", "again"]
    result = run(build(tmp_path, main), tiles(point=point), names, check=True)
    events = regions(result)
    assert [events[name]["l1d_misses"] for name in names] == [0, 1, 0]


JOB_IN = """
int main(void) {
  program(0, 4);
  for (int round = 0; round < 2; round++) {  /* the second one with all instructions cached */
    fill(map, 4096, 1);
    if (!round) begin(1);
    job(0, 1024, 4, 4);
    if (!round) end(1);
    fill(map, 4096, 1);
    if (round) begin(2);
    job(0, 1024, 4, 4);
    if (round) end(2);
    fill(map, 4096, 1);
    walk(large, 1u << 16);
    if (round) begin(3);
    job(0, 1024, 4, 4);
    if (round) end(3);
    walk(large, sizeof large);
    if (round) begin(4);
    job(0, 1024, 4, 4);
    if (round) end(4);
  }
  return 0;
}
"""


@pytest.mark.parametrize("point", POINTS)
def test_how_long_it_takes_depends_on_who_has_the_data(tmp_path: Path, point: str) -> None:
    names = ["warm-up", "l1d", "l2", "dram"]
    events = regions(run(build(tmp_path, JOB_IN), tiles(point=point), names, check=True))
    l1d, l2, dram = (events[name]["cycles"] for name in names[1:])
    assert l1d + 50 < l2
    assert l2 + 500 < dram
    assert events["dram"]["dram_read_bytes"] > 2048
    assert events["l1d"]["dram_read_bytes"] < 512
    assert events["l2"]["dram_read_bytes"] < 512


JOBS_OUT = """
int main(void) {
  for (unsigned long tile = 0; tile < 2; tile++) program(tile, 4);
  for (int round = 0; round < 2; round++) {
    if (round) begin(1);
    job(0, 4, 1024, 32);
    if (round) end(1);
    if (round) begin(2);
    submit(0, 4, 1024, 32);
    submit(1, 4, 1024, 32);
    wait(0);
    wait(1);
    if (round) end(2);
  }
  return 0;
}
"""


@pytest.mark.parametrize("point", POINTS)
def test_tiles_compete_for_the_crossbar(tmp_path: Path, point: str) -> None:
    """One tile's stores are nearly all that it can take: 16 bytes and a header a cycle."""
    events = regions(run(build(tmp_path, JOBS_OUT), tiles(point=point), ["one", "two"]))
    one, two = events["one"]["cycles"], events["two"]["cycles"]
    cycles_of_core = 1 if point == "core" else 2.3
    floor = 32 * 1024 / 64 * 5 * cycles_of_core
    assert floor < one < 2 * floor
    assert 2 * floor < two
    assert two > 1.25 * one


STREAM = """
int main(void) {
  for (int round = 0; round < 2; round++) {
    walk(large, sizeof large);
    if (round) begin(1);
    uint32_t at = chase(large, 1u << 16);
    if (round) end(1);
    walk(large + (2u << 20), 2u << 20);
    for (unsigned long tile = 0; tile < 4; tile++) submit(tile, 1024, 4, IN_BYTES / 1024);
    if (round) begin(2);
    at += chase(large, 1u << 16);
    if (round) end(2);
    for (unsigned long tile = 0; tile < 4; tile++) wait(tile);
    if (at != 2u << 16) return 1;
  }
  return 0;
}
"""


@pytest.mark.parametrize("point", POINTS)
def test_dma_and_the_core_compete_for_the_dram(tmp_path: Path, point: str) -> None:
    events = regions(run(build(tmp_path, STREAM), tiles(point=point), ["alone", "beside"]))
    assert events["alone"]["dram_read_bytes"] == 1 << 16
    assert events["beside"]["dram_read_bytes"] > 3 * (1 << 16)
    assert events["beside"]["cycles_memory"] > 1.1 * events["alone"]["cycles_memory"]


MIXED = """
int main(void) {
  for (unsigned long tile = 0; tile < 3; tile++) program(tile, 4);
  int sum = 0;
  begin(1);
  for (int round = 0; round < 6; round++) {
    submit(0, 1024, 4, 64);
    submit(1, 4, 1024, 32);
    submit(2, 100, 100, 100);
    for (uint32_t i = 0; i < 4; i++) {
      sum += walk(large + 65536 * (4 * round + i), 65536);
      sum += walk(out[3], 32768);
      fill(out[3] + 4096 * i, 4096, round);
    }
    for (unsigned long tile = 0; tile < 3; tile++) wait(tile);
    sum += walk(out[1], 32768);
    fill(map, 2048, round & 1);
    fill(out[2], 512, 0);
  }
  end(1);
  return sum == -1;
}
"""


@pytest.mark.parametrize("prefetch", [0, 2])
@pytest.mark.parametrize("point", POINTS)
def test_shortcuts_in_timing_change_nothing_beside_dma(
    tmp_path: Path, point: str, prefetch: int
) -> None:
    elf = build(tmp_path, MIXED)
    degrees = [f"caches.{cache}.prefetch_degree={prefetch}" for cache in ("l1d", "l2")]
    config = tiles(*degrees, point=point)
    first, second, stepped = (
        run(elf, config, ["mixed"], check=check) for check in (False, False, True)
    )
    assert first.exit_code == 0
    assert first.regions[0].events["dram_read_bytes"] > 0
    for other in (second, stepped):
        assert first.regions == other.regions
        assert first.simulated_ns == other.simulated_ns


def test_memory_that_is_none_fails_a_job(tmp_path: Path) -> None:
    main = """
int main(void) {
  const unsigned long tile = 0;
  program(0, 4);
  submit(0, 4, 4, 1);
  wait(0);
  descriptors[0].in_base = 0x1000;
  __asm__ volatile("dsb sy" ::: "memory");
  *(volatile uint64_t *)&REG(AIMC_REG_DESCRIPTOR) = (uint64_t)&descriptors[0];
  wait(0);
  return REG(AIMC_REG_ERROR) != AIMC_ERROR_BUS;
}
"""
    assert run(build(tmp_path, main), tiles(), check=True).exit_code == 0


def test_a_reset_in_the_middle_of_a_job_leaves_nothing_behind(tmp_path: Path) -> None:
    main = """
int main(void) {
  const unsigned long tile = 0;
  program(0, 4);
  fill(map, 4, 3);
  submit(0, 1024, 1024, 64);
  for (int i = 0; i < 100; i++) REG(AIMC_REG_STATUS);
  const uint32_t pixels = REG(AIMC_REG_DMA_PIXELS);
  REG(AIMC_REG_CONTROL) = AIMC_CONTROL_RESET;
  if (pixels == 0 || pixels >= 64) return 1;
  submit(0, 4, 4, 1);
  wait(0);
  int sum = 0;
  for (int i = 0; i < 4; i++) sum += out[0][i];
  return REG(AIMC_REG_DMA_DONE) != 1 || REG(AIMC_REG_ERROR) != 0 || sum != 12;
}
"""
    assert run(build(tmp_path, main), tiles(), check=True).exit_code == 0
