"""Bare-metal programs of a few instructions, to time."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.config.load import load_config
from harness.config.schema import SystemConfig
from harness.engines.embedded.engine import EmbeddedEngine
from harness.engines.protocol import RegionStats, RunResult

LINKER_SCRIPT = """
ENTRY(_start)
SECTIONS {
  . = 0x80000000;
  .text : { *(.text.start) *(.text*) }
  . = ALIGN(4096);
  .data : { *(.rodata*) *(.data*) }
  .bss : { *(.bss*) *(COMMON) }
  . = ALIGN(4096);
  . += 0x10000;
  stack_top = .;
  . = ALIGN(0x100000);
  buffer = .;
}
"""
START = """
  .section .text.start, "ax"
  .global _start
_start:
  adrp x0, stack_top
  mov sp, x0
  bl main
  mov x1, x0
  mov x0, #0
  ldr x2, =0x10012200
  str x0, [x2]
  b .
  .ltorg
"""
# C: begin and end of a region.
REGIONS_C = r"""
#define HELPER static __attribute__((unused))
HELPER void mark(unsigned long operation, unsigned long region) {
  register unsigned long x0 __asm__("x0") = region;
  __asm__ volatile("str x0, [%1]" ::"r"(x0), "r"(0x10010000ul + (operation << 8)) : "memory");
}
HELPER void begin(unsigned long region) { mark(0x5a, region); }
HELPER void end(unsigned long region) { mark(0x5b, region); }
"""
# C: the registers of a variable `tile`, and 4 rows of a tile that pass on `level` / 4 of what comes
# in.
_TILE_C = r"""
#include "aimc_tile/core/registers.h"
#include <stdint.h>
#define REG(offset) (*(volatile uint32_t *)(0x14000000ul + tile * AIMC_TILE_WINDOW + (offset)))
HELPER void program(unsigned long tile, int16_t level) {
  for (uint32_t row = 0; row < 4; row++) {
    REG(AIMC_REG_PROGRAM_ROW) = row;
    for (uint32_t column = 0; column < 4; column++)
      *(volatile int16_t *)&REG(AIMC_WINDOW_PROGRAM + 2 * column) = row == column ? level : 0;
  }
  REG(AIMC_REG_PROGRAM_ROW) = AIMC_PROGRAM_ADC;
  for (uint32_t column = 0; column < 4; column++)
    REG(AIMC_WINDOW_PROGRAM + 4 * column) = 0x8000u | (17u << 16);
}
"""
# Registers of snippets: x20 = buffer, x21 = a tile, x28 and x29 = work begin and end.
_PROLOGUE = """
  .section .text.start, "ax"
  .global _start
_start:
  adrp x0, stack_top
  mov sp, x0
  adrp x20, buffer
  ldr x21, =0x14000000
  ldr x28, =0x10015a00
  ldr x29, =0x10015b00
"""


def build(folder: Path, sources: Mapping[str, str], flags: Sequence[str] = ()) -> Path:
    """Compile and link ``sources`` (file name to text) into ``folder/program.elf``."""
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / "link.ld"
    script.write_text(LINKER_SCRIPT, encoding="utf-8")
    files = []
    for name, text in sources.items():
        files.append(folder / name)
        files[-1].write_text(text, encoding="utf-8")
    elf = folder / "program.elf"
    subprocess.run(
        [
            *(sys.executable, "-m", "ziglang", "cc", "-target", "aarch64-freestanding-none"),
            *("-mcpu=cortex_a55", "-nostdlib", "-static", "-Wl,--build-id=none"),
            *flags,
            *("-T", str(script), *map(str, files), "-o", str(elf)),
        ],
        check=True,
        timeout=120,
    )
    return elf


def build_asm(folder: Path, text: str) -> Path:
    """A program of assembly that starts at the top of ``text``."""
    start = '.section .text.start, "ax"\n.global _start\n_start:\n'
    return build(folder, {"main.s": start + text + "\n"})


def build_snippets(folder: Path, snippets: Mapping[str, str], *, warm: bool = True) -> Path:
    """A program that runs each snippet in a region of its own, numbered from 1 in order.

    With ``warm``, once before that to fill the instruction cache and the branch predictor.
    Snippets may use all registers but x19 to x21 and x26 to x30, and labels like ``1:``.
    """
    calls, bodies = [], []
    for region, body in enumerate(snippets.values(), 1):
        calls.append(f"  ldr x19, =snippet_{region}\n  mov x27, #{region}\n  bl measure")
        bodies.append(f"  .p2align 6\nsnippet_{region}:\n{body}\n  ret")
    ending = "  mov x1, #0\n  mov x0, #0\n  ldr x2, =0x10012200\n  str x0, [x2]\n  b .\n  .ltorg"
    measure = (
        """
  .p2align 6
measure:
  mov x26, x30
"""
        + ("  blr x19\n" if warm else "")
        + """
  mov x0, x27
  str x0, [x28]
  blr x19
  mov x0, x27
  str x0, [x29]
  ret x26
"""
    )
    text = "\n".join([_PROLOGUE, *calls, ending, measure, *bodies])
    return build(folder, {"snippets.s": text + "\n"})


def system(*overrides: str, name: str = "alpine-hp") -> SystemConfig:
    """A preset system with overrides below ``system.``."""
    return load_config(
        system=name,
        overrides=[f"system.{override}" for override in overrides],
        run={"model": "lenet5"},
    ).system


def run(
    elf: Path, config: SystemConfig, names: Sequence[str] = (), *, check: bool = False
) -> RunResult:
    """Run ``elf``; region i is called ``names[i - 1]``."""
    regions = dict(enumerate(names, 1))
    engine = EmbeddedEngine(max_instructions=200_000_000, self_check=check)
    return engine.run(elf, config, regions, timeout_s=60.0)


def by_name(result: RunResult) -> dict[str, RegionStats]:
    return {region.name: region for region in result.regions}


C_FLAGS = ("-ffreestanding", "-fno-sanitize=all", "-fno-stack-protector", "-Wall")


def build_c(folder: Path, text: str, *flags: str) -> Path:
    """A program whose ``main`` is in the C source ``text``; it exits with what main returns."""
    sources = {"start.s": START, "main.c": text}
    return build(folder, sources, (*(flags or ("-O2",)), *C_FLAGS))


def build_tile_c(folder: Path, text: str) -> Path:
    """The same after `REGIONS_C`, a tile's registers and ``program(tile, level)``."""
    root = Path(__file__).parents[2]
    return build_c(folder, REGIONS_C + _TILE_C + text, "-O2", f"-I{root}")
