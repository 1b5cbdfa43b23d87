"""The evaluator of address computations against the emulator, bit for bit."""

from __future__ import annotations

import random

import pytest

from harness.engines.embedded import _engine
from tests.engines.embedded.emulated_cpu import CODE, FLAGS, Cpu, random_registers

GROUPS = {
    "pc-relative": "xxx10000" + "x" * 24,
    "add immediate": "xxx100010" + "x" * 23,
    "logical immediate": "xxx100100" + "x" * 23,
    "move wide": "xxx100101" + "x" * 23,
    "bitfield": "xxx100110" + "x" * 23,
    "extract": "x00100111" + "x" * 23,
    "logical register": "xxx01010" + "x" * 24,
    "add register": "xxx01011xx0" + "x" * 21,
    "add extended": "xxx01011001" + "x" * 21,
    "carry": "xxx11010000xxxxx000000xxxxxxxxxx",
    "conditional compare": "xx111010010xxxxxxxxxx0xxxxx0xxxx",
    "conditional select": "xx011010100xxxxxxxxx0xxxxxxxxxxx",
    "two sources": "x0011010110xxxxx00xxxxxxxxxxxxxx",
    "one source": "x10110101100000000xxxxxxxxxxxxxx"[:32],
    "three sources": "x0011011xxx" + "x" * 21,
}
SPECIAL = [0, 1, 2, (1 << 64) - 1, 1 << 63, (1 << 63) - 1, 1 << 31, (1 << 32) - 1, 0x80000000FFFF]


@pytest.fixture(scope="module")
def cpu() -> Cpu:
    return Cpu()


@pytest.mark.parametrize("group", GROUPS, ids=str)
def test_agrees_with_the_emulator(cpu: Cpu, group: str) -> None:
    rng = random.Random(group)
    text = GROUPS[group]
    fixed = int(text.replace("x", "0"), 2)
    free = int("".join("1" if c == "x" else "0" for c in text), 2)
    known = 0
    for _ in range(400):
        word = fixed | (rng.getrandbits(32) & free)
        registers = random_registers(rng)
        for i in range(31):
            if rng.random() < 0.4:
                registers[i] = rng.choice(SPECIAL)
        expected = cpu.execute(word, registers)
        result = _engine.evaluate(word, CODE, [*registers[:32], registers[FLAGS] >> 28])
        if result is None:
            continue
        assert expected is not None, hex(word)
        assert result[:32] == expected.registers[:32], hex(word)
        assert result[32] == expected.registers[FLAGS] >> 28, hex(word)
        known += 1
    assert known >= 50


def test_other_instructions_have_no_value() -> None:
    registers = [0] * 33
    for word in (0xD53BE040, 0xF9400041, 0x4E839441, 0x14000001, 0x9AC34C41):
        assert _engine.evaluate(word, CODE, registers) is None
