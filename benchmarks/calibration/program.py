"""The program that runs every snippet, each in a region of its own."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness.toolchain.build import compile_program

from .snippets import LINE, Snippet

_MAIN: Final = r"""
#include "aimc_runtime.h"
#include "platform.h"
#include "registers.h"

#define BUFFER_BYTES (12u << 20)
#define EVICTING_BYTES (4u << 20)
#define LINE 64u

typedef void loop(uint64_t iterations, void* buffer, void* running, uint64_t mask, uint64_t odd,
                  uintptr_t tile);

struct snippet {
  loop* run;
  uint32_t iterations;
  uint32_t mask;
  uint32_t chase;
  uint32_t cold;
};

@DECLARATIONS@
static const struct snippet snippets[] = {
@TABLE@
};

static AIMC_BUFFER uint64_t buffer[BUFFER_BYTES / 8];
static AIMC_BUFFER uint64_t evicting[EVICTING_BYTES / 8];

/* Pointers from line to line in a full cycle of scattered order. */
static void make_chain(uint32_t bytes, uint32_t steps) {
  const uint64_t lines = bytes / LINE;
  uint64_t at = 0;
  for (uint32_t i = 0; i <= steps; ++i) {
    const uint64_t next = (at * 1664525u + 1013904223u) % lines;
    buffer[at * LINE / 8] = (uintptr_t)&buffer[next * LINE / 8];
    at = next;
  }
}

static void evict(void) {
  for (uint32_t i = 0; i < EVICTING_BYTES / 8; i += LINE / 8) *(volatile uint64_t*)&evicting[i];
}

int main(void) {
  const uintptr_t tile = PLATFORM_TILE_BASE + AIMC_WINDOW_IN;
  for (uint32_t i = 0; i < sizeof snippets / sizeof *snippets; ++i) {
    const struct snippet* s = &snippets[i];
    if (s->chase) make_chain(s->chase, s->iterations);
    s->run(s->cold ? 1 : s->iterations, s->cold ? evicting : buffer,
           s->cold ? evicting : buffer, s->mask, 6364136223846793005u, tile);
    if (s->cold) evict();
    aimc_region_begin(i);
    s->run(s->iterations, buffer, buffer, s->mask, 6364136223846793005u, tile);
    aimc_region_end(i);
  }
  return 0;
}
"""
_EMPTY: Final = """
  .text
  .balign 64
aimc_calibration_empty:
  ret
"""


def write_program(snippets: Sequence[Snippet], folder: Path, cache: Path) -> Path:
    """Compile the program of ``snippets`` in ``folder``; region i is snippet i."""
    functions = [f"aimc_calibration_{i}" for i in range(len(snippets))]
    table = "\n".join(
        f"    {{{name}, {s.iterations}, {s.mask}, {s.chase}, {int(s.cold)}}},"
        for name, s in zip(functions, snippets, strict=True)
    )
    declarations = "\n".join(f"loop {name};" for name in functions)
    main = _MAIN.replace("@DECLARATIONS@", declarations).replace("@TABLE@", table)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "main.c").write_text(main, encoding="utf-8")
    loops = "\n".join(_loop(n, s) for n, s in zip(functions, snippets, strict=True))
    (folder / "loops.S").write_text(_EMPTY + loops, encoding="utf-8")
    return compile_program(
        [folder / "main.c", folder / "loops.S"], [], folder / "p.elf", defines={}, cache_dir=cache
    )


def _loop(name: str, snippet: Snippet) -> str:
    body = "\n".join([snippet.body] * snippet.copies)
    return f"""
  .globl {name}
  .balign {LINE}
{name}:
  stp x19, x30, [sp, #-16]!
  add x16, x5, #8, lsl #12
  {snippet.setup}
  .balign {LINE}
2:
{body}
  sub x0, x0, #1
  cbnz x0, 2b
  ldp x19, x30, [sp], #16
  ret
"""
