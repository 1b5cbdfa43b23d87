"""Bare-metal guest programs, from `guests/*.c` or a few lines of assembly, and how to run them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from harness import _headers
from harness.config.load import load_config
from harness.config.schema import SystemConfig
from harness.engines.embedded.engine import EmbeddedEngine
from harness.engines.protocol import RegionStats, RunResult

ROOT: Final = Path(__file__).parents[3]
GUESTS: Final = Path(__file__).parent / "guests"

PLATFORM: Final = {
    name.removeprefix("PLATFORM_"): value
    for name, value in vars(_headers).items()
    if name.startswith("PLATFORM_")
}
# Addresses that assembly sources can name, as `ldr x2, =M5_FAIL`.
ADDRESSES: Final = {
    "TILES": PLATFORM["TILE_BASE"],
    "UART": PLATFORM["UART_BASE"],
    **{
        name: PLATFORM["M5OPS_BASE"] + (PLATFORM[name] << 8)
        for name in ("M5_EXIT", "M5_FAIL", "M5_WORK_BEGIN", "M5_WORK_END")
    },
}
# Assembly that ends a program with exit code 0.
EXIT: Final = "mov x1, #0\nmov x0, #0\nldr x2, =M5_FAIL\nstr x0, [x2]\nb .\n.ltorg"
# Registers of snippets: x20 = buffer, x21 = a tile, x28 and x29 = work begin and end.
_PROLOGUE: Final = """
  .section .text.start, "ax"
  .global _start
_start:
  adrp x0, stack_top
  mov sp, x0
  adrp x20, buffer
  ldr x21, =TILES
  ldr x28, =M5_WORK_BEGIN
  ldr x29, =M5_WORK_END
"""
_MEASURE: Final = """
  .p2align 6
measure:
  mov x26, x30
{warm_up}
  mov x0, x27
  str x0, [x28]
  blr x19
  mov x0, x27
  str x0, [x29]
  ret x26
"""


def _build(folder: Path, sources: Sequence[Path], flags: Sequence[str] = ()) -> Path:
    """Compile and link ``sources`` into ``folder/program.elf``."""
    folder.mkdir(parents=True, exist_ok=True)
    elf, script = folder / "program.elf", folder / "link.ld"
    template = (GUESTS / "link.ld").read_text(encoding="utf-8")
    base = hex(PLATFORM["DRAM_BASE"])
    script.write_text(template.replace("@DRAM_BASE@", base), encoding="utf-8")
    subprocess.run(
        [
            *(sys.executable, "-m", "ziglang", "cc", "-target", "aarch64-freestanding-none"),
            *("-mcpu=cortex_a55", "-nostdlib", "-static", "-Wl,--build-id=none"),
            *(f"-I{ROOT}", f"-I{ROOT}/kernels/include", f"-I{GUESTS}"),
            *(f"-D{name}={address:#x}" for name, address in ADDRESSES.items()),
            *flags,
            *("-T", str(script), *map(str, sources)),
            *("-o", str(elf)),
        ],
        check=True,
        timeout=120,
    )
    return elf


def build_guest(folder: Path, name: str, *flags: str) -> Path:
    """The program ``guests/name.c``, with -O2 unless ``flags`` say otherwise."""
    optimize = () if any(flag.startswith("-O") for flag in flags) else ("-O2",)
    c_flags = ("-ffreestanding", "-fno-sanitize=all", "-fno-stack-protector", "-Wall")
    sources = (GUESTS / "start.S", GUESTS / f"{name}.c")
    return _build(folder, sources, (*optimize, *c_flags, *flags))


def _build_assembly(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "program.S"
    source.write_text(text + "\n", encoding="utf-8")
    return _build(folder, [source])


def build_asm(folder: Path, text: str) -> Path:
    """A program of assembly that starts at the top of ``text``; it may name `ADDRESSES`."""
    return _build_assembly(folder, '.section .text.start, "ax"\n.global _start\n_start:\n' + text)


def build_snippets(folder: Path, snippets: Mapping[str, str], *, warm: bool = True) -> Path:
    """A program that runs each snippet in a region of its own, numbered from 1 in order.

    With ``warm``, each runs once before its region, to fill the instruction cache and the branch
    predictor.  Snippets may use all registers but x19 to x21 and x26 to x30, and labels like
    ``1:``.
    """
    calls, bodies = [], []
    for region, body in enumerate(snippets.values(), 1):
        calls.append(f"  ldr x19, =snippet_{region}\n  mov x27, #{region}\n  bl measure")
        bodies.append(f"  .p2align 6\nsnippet_{region}:\n{body}\n  ret")
    measure = _MEASURE.format(warm_up="  blr x19" if warm else "")
    return _build_assembly(folder, "\n".join([_PROLOGUE, *calls, EXIT, measure, *bodies]))


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
    """Run ``elf``; region i is called ``names[i - 1]``.

    With ``check``, every address and time is derived without shortcuts and checked.
    """
    regions = dict(enumerate(names, 1))
    engine = EmbeddedEngine(max_instructions=200_000_000, self_check=check)
    return engine.run(elf, config, regions, timeout_s=60.0)


def by_name(result: RunResult) -> dict[str, RegionStats]:
    return {region.name: region for region in result.regions}
