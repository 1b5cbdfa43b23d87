"""Start-up, console, exit codes and memory functions of a bare-metal program."""

from __future__ import annotations

from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from harness import _headers
from harness.toolchain import compile_program
from tests.kernels.machine import DRAM_BASE, Machine, Outcome

PROGRAM = Path(__file__).parent / "runtime_program.c"


def compiled(scenario: str, tmp_path: Path, cache_dir: Path) -> Path:
    defines = {"SCENARIO": scenario}
    return compile_program([PROGRAM], [], tmp_path / "a.elf", defines=defines, cache_dir=cache_dir)


def run(scenario: str, tmp_path: Path, cache_dir: Path) -> Outcome:
    return Machine(compiled(scenario, tmp_path, cache_dir)).run()


def test_console_prints_text_decimal_and_hexadecimal(tmp_path: Path, cache_dir: Path) -> None:
    outcome = run("PRINT", tmp_path, cache_dir)
    assert outcome.exit_code == 0
    assert outcome.console == ("text 0 -9223372036854775808 9223372036854775807 0xfedcba9876543210")


def test_mismatches_are_counted_and_the_first_ones_shown(tmp_path: Path, cache_dir: Path) -> None:
    outcome = run("MISMATCHES", tmp_path, cache_dir)
    assert outcome.exit_code == 6
    assert outcome.console.splitlines() == [
        "output[9] = -1, expected 0",
        "output[18] = -2, expected 0",
        "output[27] = -3, expected 0",
        "output[36] = -4, expected 0",
        "output: 6 of 64 differ",
    ]


@pytest.mark.parametrize(
    ("scenario", "exit_code", "console"),
    [
        ("MANY_MISMATCHES", _headers.AIMC_EXIT_MISMATCH_MAX, ""),
        ("FATAL", _headers.AIMC_EXIT_FATAL, "fatal: no reason\n"),
        ("MEMORY", 0, ""),
    ],
)
def test_exit_codes(
    tmp_path: Path, cache_dir: Path, scenario: str, exit_code: int, console: str
) -> None:
    outcome = run(scenario, tmp_path, cache_dir)
    assert (outcome.exit_code, outcome.console) == (exit_code, console)


def test_an_exception_prints_its_syndrome_and_fails(tmp_path: Path, cache_dir: Path) -> None:
    outcome = run("EXCEPTION", tmp_path, cache_dir)
    assert outcome.exit_code == _headers.AIMC_EXIT_FAULT
    assert outcome.console.startswith("fault: vector 4, syndrome 0x")


def test_uninitialised_data_is_cleared_at_every_start(tmp_path: Path, cache_dir: Path) -> None:
    machine = Machine(compiled("ZEROED", tmp_path, cache_dir))
    for _ in range(2):
        outcome = machine.run()
        assert outcome.exit_code == 64
        assert "data[0] = 1, expected 0" in outcome.console


def test_regions_are_marked_in_order(tmp_path: Path, cache_dir: Path) -> None:
    outcome = run("REGIONS", tmp_path, cache_dir)
    assert outcome.regions == [("begin", 7), ("end", 7), ("begin", 0), ("end", 0)]


def test_image_starts_with_its_entry_point(tmp_path: Path, cache_dir: Path) -> None:
    with compiled("PRINT", tmp_path, cache_dir).open("rb") as stream:
        elf = ELFFile(stream)
        assert elf.header.e_machine == "EM_AARCH64"
        assert elf.header.e_entry == DRAM_BASE
        loaded = [s for s in elf.iter_segments("PT_LOAD") if s.header.p_filesz]
        assert min(s.header.p_paddr for s in loaded) == DRAM_BASE
        symbols = elf.get_section_by_name(".symtab")
        (mmu,) = symbols.get_symbol_by_name("aimc_platform_mmu")
        section = elf.get_section(mmu["st_shndx"])
        assert section.name == ".data"
        offset = mmu["st_value"] - section.header.sh_addr
        assert section.data()[offset : offset + 4] == b"\1\0\0\0"
