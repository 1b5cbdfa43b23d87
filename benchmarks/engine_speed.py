"""Speed of the embedded engine against the bare emulator, on the same ELF in the same run.

    python benchmarks/engine_speed.py [PROGRAM.elf] [--system alpine-hp] [--rounds 5] [--gem5 PATH]

The engine runs with all models: timing, caches, tiles, regions.  It is compared with unicorn with
one empty C callback per instruction.  Without a program, an int8 matrix product is compiled.
Programs that use tiles cannot run on the bare emulator.  With --gem5 the program also runs once on
that gem5, after the rounds.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from harness import _headers
from harness.config.load import load_config
from harness.engines.embedded import _engine
from harness.engines.embedded.elf import read_program
from harness.engines.embedded.engine import (
    EmbeddedEngine,
    program_pieces,
    unicorn_library,
)
from harness.engines.registry import engine as engine_named
from harness.toolchain.build import compile_program

GOAL = 0.2
GEM5_GOAL = 50
GEM5_TIMEOUT_S = 7200.0

SOURCE = r"""
#include <arm_neon.h>
#include <stdint.h>
enum { M = 64, N = 256, K = 512, ROUNDS = 40 };
static _Alignas(64) int8_t a[M * K], b[N * K];
static int32_t c[M * N];
static void product(void) {
  for (int i = 0; i < M; i += 4)
    for (int j = 0; j < N; j += 4) {
      int32x4_t sum[4][4];
      for (int p = 0; p < 16; p++) sum[p / 4][p % 4] = vdupq_n_s32(0);
      for (int k = 0; k < K; k += 16) {
        int8x16_t x[4], y[4];
        for (int p = 0; p < 4; p++) x[p] = vld1q_s8(a + (i + p) * K + k);
        for (int q = 0; q < 4; q++) y[q] = vld1q_s8(b + (j + q) * K + k);
        for (int p = 0; p < 16; p++)
          sum[p / 4][p % 4] = vdotq_s32(sum[p / 4][p % 4], x[p / 4], y[p % 4]);
      }
      for (int p = 0; p < 16; p++)
        c[(i + p / 4) * N + j + p % 4] = vaddvq_s32(sum[p / 4][p % 4]);
    }
}
int main(void) {
  for (int i = 0; i < M * K; i++) a[i] = (int8_t)(i * 7 + 3);
  for (int i = 0; i < N * K; i++) b[i] = (int8_t)(i * 5 + 1);
  uint32_t hash = 0;
  for (int r = 0; r < ROUNDS; r++) {
    product();
    for (int i = 0; i < M * N; i++) hash = hash * 31 + (uint32_t)c[i];
  }
  return hash == 0;
}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("elf", nargs="?", type=Path)
    parser.add_argument("--system", default="alpine-hp")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--gem5", help="compare with this gem5, too")
    arguments = parser.parse_args()
    if arguments.gem5:
        os.environ["GEM5"] = arguments.gem5
    with tempfile.TemporaryDirectory() as folder:
        elf = arguments.elf or compile_product(Path(folder))
        return measure(elf, arguments.system, arguments.rounds, on_gem5=bool(arguments.gem5))


def compile_product(folder: Path) -> Path:
    """The matrix product as a program."""
    source = folder / "main.c"
    source.write_text(SOURCE, encoding="utf-8")
    return compile_program([source], [], folder / "p.elf", defines={}, cache_dir=folder / "cache")


def measure(elf: Path, system_name: str, rounds: int, *, on_gem5: bool) -> int:
    """Print the speeds; 1 if a goal is missed."""
    system = load_config(system=system_name, run={"model": "lenet5"}).system
    program = read_program(elf)
    engine = EmbeddedEngine()
    regions = {region: str(region) for region in range(1 << 12)}
    devices = [(_headers.PLATFORM_M5OPS_BASE, 0x10000), (_headers.PLATFORM_UART_BASE, 0x1000)]
    best: dict[str, float] = {}
    instructions = 0
    for _ in range(rounds):  # in turn, so that other load affects all alike
        for hooks in ("none", "block", "instruction"):
            seconds = _engine.count_instructions(
                library=str(unicorn_library()),
                pieces=program_pieces(program),
                entry=program.entry,
                dram_base=_headers.PLATFORM_DRAM_BASE,
                dram_bytes=system.memory.size_mib << 20,
                devices=devices,
                hooks=hooks,
            )
            best[hooks] = min(best.get(hooks, seconds), seconds)
        result = engine.run(elf, system, regions, timeout_s=600.0)
        instructions = result.instructions
        best["engine"] = min(best.get("engine", result.host_seconds), result.host_seconds)
    names = {
        "none": "unicorn alone",
        "block": "unicorn, empty callback a block",
        "instruction": "unicorn, empty callback an instruction",
        "engine": "embedded engine",
    }
    print(f"{elf.name}: {instructions / 1e6:.1f} million instructions, best of {rounds}")
    for key, name in names.items():
        print(f"  {name:40} {instructions / best[key] / 1e6:7.1f} million instructions/s")
    ratio = best["instruction"] / best["engine"]
    print(f"  engine / empty callback an instruction:  {ratio:.2f} (goal {GOAL})")
    missed = ratio < GOAL
    if on_gem5:
        seconds = (
            engine_named("gem5").run(elf, system, regions, timeout_s=GEM5_TIMEOUT_S).host_seconds
        )
        ratio = seconds / best["engine"]
        missed = missed or ratio < GEM5_GOAL
        print(f"  {'gem5':40} {instructions / seconds / 1e6:7.2f} million instructions/s")
        print(f"  engine / gem5:  {ratio:.0f} (goal {GEM5_GOAL})")
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main())
