"""The micro-benchmarks of a tile's DMA: jobs of many lengths, and jobs that overlap.

Each submits descriptors that gather a rectangle of a feature map and polls DMA_DONE, as a driver
does.  The tile keeps its conductances of reset: nothing here depends on data.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.toolchain.build import compile_program


@dataclass(frozen=True)
class Transfer:
    """`jobs` equal descriptors, at most `in_flight` of them at a time."""

    name: str
    shows: str
    channels: int
    columns: int
    pixels: int = 1
    kernel: int = 1
    in_flight: int = 1
    cold: bool = False  # the caches hold other data
    jobs: int = 16

    @property
    def total_operations(self) -> int:
        """The number of operations, by which its cycles are divided."""
        return self.jobs


def transfers() -> tuple[Transfer, ...]:
    """All of them, in the order of their regions."""
    return tuple(_transfers())


def _transfers() -> Iterator[Transfer]:
    for length in (16, 64, 128, 256):
        yield Transfer(f"dma.in{length}", f"{length} bytes in, 16 out", length, 16)
    for length in (64, 128, 256):
        yield Transfer(f"dma.out{length}", f"16 bytes in, {length} out", 16, length)
    yield Transfer("dma.in256.cold", "256 bytes in that no cache has", 256, 16, cold=True)
    for pixels in (2, 4, 8, 16, 32):
        yield Transfer(f"dma.pixels{pixels}", f"{pixels} pixels of 64 bytes", 64, 64, pixels)
    yield Transfer("dma.pixels32.cold", "32 pixels that no cache has", 64, 64, 32, cold=True)
    for channels in (4, 16):
        yield Transfer(
            f"dma.patches{channels}",
            f"8 patches of 3 x 3 pixels of {channels} bytes",
            channels,
            64,
            pixels=8,
            kernel=3,
        )
    for pixels in (1, 8, 32):
        yield Transfer(
            f"dma.overlap{pixels}",
            f"two descriptors of {pixels} pixels at a time",
            64,
            64,
            pixels,
            in_flight=2,
        )


_MAIN: Final = r"""
#include "aimc_runtime.h"
#include "platform.h"
#include "registers.h"

#define LINE 64u
#define EVICTING_BYTES (4u << 20)
#define PATCH 3u      /* rows of the map */
#define MAP_WIDTH 64u /* pixels of a row */
#define MAX_CHANNELS 256u
#define MAX_PIXELS 32u
#define OUT_STRIDE 512u

struct transfer {
  uint16_t channels;
  uint16_t columns;
  uint16_t pixels;
  uint8_t kernel;
  uint8_t in_flight;
  uint8_t cold;
  uint32_t jobs;
};

static const struct transfer transfers[] = {
@TABLE@
};

static AIMC_BUFFER int8_t map[PATCH * MAP_WIDTH * MAX_CHANNELS];
static AIMC_BUFFER int8_t out[2][MAX_PIXELS * OUT_STRIDE];
static AIMC_BUFFER uint64_t evicting[EVICTING_BYTES / 8];
static AIMC_BUFFER struct aimc_descriptor descriptors[2];

static volatile uint32_t* reg(uint32_t offset) {
  return (volatile uint32_t*)(PLATFORM_TILE_BASE + (uintptr_t)offset);
}

static void evict(void) {
  for (uint32_t i = 0; i < EVICTING_BYTES / 8; i += LINE / 8) *(volatile uint64_t*)&evicting[i];
}

static void touch(void) {
  for (uint32_t i = 0; i < sizeof map; i += LINE) *(volatile int8_t*)&map[i] = (int8_t)i;
}

static void describe(const struct transfer* t) {
  for (uint32_t i = 0; i < 2; ++i) {
    descriptors[i] = (struct aimc_descriptor){
        .in_base = (uintptr_t)map,
        .out_base = (uintptr_t)out[i],
        .in_channels = t->channels,
        .k_len = (uint32_t)t->kernel * t->kernel * t->channels,
        .columns = t->columns,
        .out_stride = OUT_STRIDE,
        .in_height = PATCH,
        .in_width = MAP_WIDTH,
        .count = t->pixels,
#if AIMC_TILE_VERSION >= 2
        .row_count = 1,
#endif
        .kernel_h = t->kernel,
        .kernel_w = t->kernel,
        .stride_y = 1,
        .stride_x = 1,
        .dilation_y = 1,
        .dilation_x = 1,
    };
  }
}

/* Submits the jobs of `t`, each as soon as at most in_flight - 1 others are not done. */
static void run(const struct transfer* t) {
  const uint32_t before = *reg(AIMC_REG_DMA_DONE);
  for (uint32_t job = 0; job < t->jobs; ++job) {
    while (job - (*reg(AIMC_REG_DMA_DONE) - before) >= t->in_flight) {
    }
    __asm__ volatile("dmb osh" : : : "memory");
    *(volatile uint64_t*)reg(AIMC_REG_DESCRIPTOR) = (uintptr_t)&descriptors[job & 1];
  }
  while (*reg(AIMC_REG_DMA_DONE) - before != t->jobs) {
  }
}

int main(void) {
  for (uint32_t i = 0; i < sizeof transfers / sizeof *transfers; ++i) {
    const struct transfer* t = &transfers[i];
    touch();
    describe(t);
    run(t);
    if (t->cold) evict();
    aimc_region_begin(i);
    run(t);
    aimc_region_end(i);
  }
  return *reg(AIMC_REG_ERROR) != 0;
}
"""


def write_dma_program(chosen: Sequence[Transfer], folder: Path, cache: Path) -> Path:
    """Compile the program of ``chosen`` in ``folder``; region i is transfer i."""
    table = "\n".join(
        f"    {{{t.channels}, {t.columns}, {t.pixels}, {t.kernel}, {t.in_flight}, {int(t.cold)}, "
        f"{t.jobs}}},"
        for t in chosen
    )
    folder.mkdir(parents=True, exist_ok=True)
    main = folder / "main.c"
    main.write_text(_MAIN.replace("@TABLE@", table), encoding="utf-8")
    return compile_program([main], [], folder / "dma.elf", defines={}, cache_dir=cache)
