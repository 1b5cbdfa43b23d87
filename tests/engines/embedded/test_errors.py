"""A wrong program, file or system is one EngineError that says where."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.engines.embedded.engine import EmbeddedEngine
from harness.errors import EngineError
from harness.progress import Silent
from tests.engines.embedded.guest_programs import EXIT, build_asm, run, system

FAULTS = {
    "read": ("ldr x1, =0x40000000\nldr x2, [x1]", "read 8 bytes at 0x40000000"),
    "write": ("ldr x1, =0x40000000\nstrb w2, [x1]", "wrote 1 bytes at 0x40000000"),
    "jump": ("ldr x1, =0x40000000\nbr x1", "0x40000000"),
    "code that changes itself": (
        "adr x1, culprit\nstr w0, [x1]",
        "wrote to its code at 0x80000008",
    ),
    "data as code": ("adrp x1, buffer\nbr x1", "0x80100000, which is no code"),
    "undefined": (".word 0x00000000", "undefined instruction"),
    "svc": ("svc #3", "SVC"),
    "brk": ("brk #3", "breakpoint"),
    "beyond the tiles": ("ldr x1, =0x18000000\nldr w2, [x1]", "0x18000000"),
    "pseudo-instruction": ("ldr x1, =0x10014000\nstr x0, [x1]", "0x40 is not supported"),
    "clock": ("mrs x0, cntvct_el0", "reads a clock"),
    "wait for an interrupt": ("wfi", "without its exit call"),
    "region ends": ("mov x0, #3\nldr x1, =M5_WORK_END\nstr x0, [x1]", "region 3 ends"),
    "region nests": (
        "mov x0, #3\nldr x1, =M5_WORK_BEGIN\nstr x0, [x1]\nmov x0, #4\nstr x0, [x1]",
        "region 4 begins inside region 3",
    ),
}


@pytest.mark.parametrize("name", FAULTS, ids=str)
def test_faults(tmp_path: Path, name: str) -> None:
    body, message = FAULTS[name]
    elf = build_asm(tmp_path, f"nop\nmov x0, #0\nculprit:\n{body}\n{EXIT}")
    with pytest.raises(EngineError) as caught:
        run(elf, system(), ["a", "b", "c", "d"])
    text = str(caught.value)
    assert message in text
    assert "instructions" in text
    if name not in ("jump", "data as code"):
        assert "culprit" in text


def test_a_fault_names_region_and_shows_the_console(tmp_path: Path) -> None:
    print_letter = "mov w2, #{}\nstr w2, [x1]\n"
    text = "".join(print_letter.format(ord(c)) for c in "one\ntwo\n")
    body = (
        f"ldr x1, =UART\n{text}mov x0, #2\nldr x1, =M5_WORK_BEGIN\nstr x0, [x1]\n"
        f"mov x1, #0\nldr x2, [x1]\n{EXIT}"
    )
    with pytest.raises(EngineError) as caught:
        run(build_asm(tmp_path, body), system(), ["first", "second"])
    assert "region 2 (second)" in str(caught.value)
    assert "    one\n    two" in str(caught.value)


def test_unknown_instructions_are_refused(tmp_path: Path) -> None:
    # A scalable vector addition, which the emulator executes once it is turned on.
    body = "mov x1, #(3 << 16)\nmsr cpacr_el1, x1\nisb\n.word 0x04200000\nb 1f\n1: nop\n"
    with pytest.raises(EngineError, match="not one that the timing model knows"):
        run(build_asm(tmp_path, body + EXIT), system())


def test_endless_loop_runs_into_the_limit(tmp_path: Path) -> None:
    elf = build_asm(tmp_path, "stuck: b .\n" + EXIT)
    limited = EmbeddedEngine(max_instructions=5000)
    with pytest.raises(EngineError, match="limit of instructions") as caught:
        limited.run(elf, system(), {}, timeout_s=60.0)
    assert "stuck" in str(caught.value)


def test_endless_loop_runs_into_the_timeout(tmp_path: Path) -> None:
    elf = build_asm(tmp_path, "stuck: b .\n" + EXIT)
    with pytest.raises(EngineError, match=r"did not end within 0.2 s"):
        EmbeddedEngine().run(elf, system(), {}, timeout_s=0.2)


def test_exit_inside_a_region_gives_no_numbers(tmp_path: Path) -> None:
    begin = "mov x0, #1\nldr x1, =M5_WORK_BEGIN\nstr x0, [x1]\n"
    elf = build_asm(tmp_path, begin + EXIT)
    with pytest.raises(EngineError, match=r"exited inside region 1 \(layer\)"):
        run(elf, system(), ["layer"])
    failing = build_asm(tmp_path / "failing", begin + EXIT.replace("mov x1, #0", "mov x1, #7"))
    assert run(failing, system(), ["layer"]).exit_code == 7


def test_unknown_region(tmp_path: Path) -> None:
    marks = "ldr x1, =M5_WORK_BEGIN\nldr x2, =M5_WORK_END\nmov x0, #9\nstr x0, [x1]\nstr x0, [x2]\n"
    with pytest.raises(EngineError, match="regions that it does not have: 9"):
        run(build_asm(tmp_path, marks + EXIT), system(), ["only"])


def test_systems_that_are_not_simulated(tmp_path: Path) -> None:
    base = system()
    core = base.core.model_copy
    for changed, message in (
        (base.model_copy(update={"cores": 2}), "one core, not 2"),
        (base.model_copy(update={"core": core(update={"kind": "out_of_order"})}), "in order"),
        (base.model_copy(update={"core": core(update={"div_latency": 2000})}), "1000 cycles"),
    ):
        with pytest.raises(EngineError, match=message) as caught:
            run(tmp_path / "none.elf", changed)
        assert "system.co" in str(caught.value)


def test_program_beyond_the_memory(tmp_path: Path) -> None:
    elf = build_asm(tmp_path, EXIT + "\n.data\n.skip 70000000, 1")
    with pytest.raises(EngineError, match="does not fit the memory"):
        run(elf, system("memory.size_mib=64"))


@pytest.mark.parametrize(
    "data", [b"", b"\x7fELF", b"#!/bin/sh\n", b"\x7fELF\x02\x01\x01" + bytes(90)]
)
def test_files_that_are_no_programs(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "program.elf"
    path.write_bytes(data)
    with pytest.raises(EngineError, match=r"ELF|executable") as caught:
        run(path, system())
    assert str(path) in str(caught.value)


def test_truncated_and_damaged_programs(tmp_path: Path) -> None:
    elf = build_asm(tmp_path, EXIT)
    data = elf.read_bytes()
    damaged = tmp_path / "damaged.elf"
    for length in range(0, len(data), max(1, len(data) // 60)):
        damaged.write_bytes(data[:length])
        with pytest.raises(EngineError):
            run(damaged, system())
    for position in range(64):
        damaged.write_bytes(data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :])
        try:
            run(damaged, system())
        except EngineError as error:
            assert "defect" not in str(error)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="cannot read the program"):
        run(tmp_path / "missing.elf", system())


def test_an_exception_of_the_callback_ends_the_run(tmp_path: Path) -> None:
    elf = build_asm(tmp_path, "b .\n" + EXIT)
    seen: list[int] = []

    class Enough(Silent):
        def simulated(self, instructions: int, *_: object) -> None:
            seen.append(instructions)
            if len(seen) == 3:
                raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        EmbeddedEngine().run(elf, system(), {}, timeout_s=60.0, progress=Enough())
    assert seen == sorted(seen)
    assert len(seen) == 3


SCRIPT = """
import signal
import sys
from pathlib import Path
from harness.engines.embedded.engine import EmbeddedEngine
from harness.progress import Silent
from tests.engines.embedded.guest_programs import system
class Told(Silent):
    said = False
    def simulated(self, *_):
        if not self.said:
            self.said = True
            print("running", flush=True)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
try:
    EmbeddedEngine().run(Path(sys.argv[1]), system(), {}, timeout_s=600.0, progress=Told())
except KeyboardInterrupt:
    print("interrupted", flush=True)
    sys.exit(130)
"""


def test_control_c_ends_a_run(tmp_path: Path) -> None:
    elf = build_asm(tmp_path, "b .\n" + EXIT)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(elf)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
    assert output == "interrupted\n"
    assert process.returncode == 130
