"""The decoder against the emulator: what an instruction reads and writes shows when it runs."""

from __future__ import annotations

import random

import pytest

from harness.engines.embedded import _engine
from tests.engines.embedded.emulated_cpu import (
    BUFFER,
    FLAGS,
    REGISTERS,
    SP,
    V0,
    Cpu,
    State,
    random_registers,
)

BRANCH, BARRIER, ISB, SYSTEM, NOP, PREFETCH, CLOCK, EXCEPTION, UNKNOWN = range(11, 20)
NOT_DATA = {BRANCH, BARRIER, ISB, SYSTEM, NOP, PREFETCH, CLOCK, EXCEPTION, UNKNOWN}


@pytest.fixture(scope="module")
def cpu() -> Cpu:
    return Cpu()


def words(group: str, count: int) -> list[int]:
    """Random words of one encoding group: x is a random bit."""
    rng = random.Random(group)
    fixed = int(group.replace("x", "0"), 2)
    free = int("".join("1" if c == "x" else "0" for c in group), 2)
    return [fixed | (rng.getrandbits(32) & free) for _ in range(count)]


def pattern(high: str) -> str:
    return high + "x" * (32 - len(high))


DATA_GROUPS = {
    "immediate": pattern("xxx100"),
    "register": pattern("xxxx101"),
    "register, one and two sources": pattern("xx011010110"),
    "scalar fp": pattern("x0011110xx1"),
    "scalar fp, fixed point": pattern("x0011110xx0"),
    "scalar fp, three sources": pattern("00011111"),
    "simd, three same": "0xx01110xx1xxxxxxxxxx1xxxxxxxxxx",
    "simd, three different": "0xx01110xx1xxxxxxxxx00xxxxxxxxxx",
    "simd, three same extra": "0xx01110xx0xxxxx1xxxx1xxxxxxxxxx",
    "simd, two": "0xx01110xx10000xxxxx10xxxxxxxxxx",
    "simd, across": "0xx01110xx11000xxxxx10xxxxxxxxxx",
    "simd, half": "0xx01110x111100xxxxx10xxxxxxxxxx",
    "simd, half three": "0xx01110x10xxxxx00xxx1xxxxxxxxxx",
    "simd, copy": "0xx01110000xxxxx0xxxx1xxxxxxxxxx",
    "simd, permute": "0x001110xx0xxxxx0xxx10xxxxxxxxxx",
    "simd, table": "0x001110000xxxxx0xxx00xxxxxxxxxx",
    "simd, extract": "0x101110xx0xxxxx0xxxx0xxxxxxxxxx",
    "simd, immediate": "0xx0111100000xxxxxxxx1xxxxxxxxxx",
    "simd, shift": "0xx011110xxxxxxxxxxxx1xxxxxxxxxx",
    "simd, element": "0xx01111xxxxxxxxxxxxx0xxxxxxxxxx",
    "scalar simd": pattern("01x11110"),
    "scalar simd, shift and element": pattern("01x11111"),
}

MEMORY_GROUPS = {
    "pair": pattern("xx101x0"),
    "register, immediate": "xx111x00xx0xxxxxxxxxxxxxxxxxxxxx",
    "register, index": "xx111x00xx1xxxxxxxxx10xxxxxxxxxx",
    "register, unsigned": pattern("xx111x01"),
    "exclusive": pattern("xx001000"),
    "atomic": "xx111000xx1xxxxxxxxx00xxxxxxxxxx",
    "structures": "0x001100xx0xxxxxxxxxxxxxxxxxxxxx",
    "one structure": pattern("0x001101"),
    "ordered": "xx011001xx0xxxxxxxxx00xxxxxxxxxx",
}


def check(
    cpu: Cpu, word: int, rng: random.Random, base: int | None = None, index: int | None = None
) -> bool:
    """Two states that agree on what is read must end alike; what is not written must stay."""
    decoded = _engine.decode(word, 0)
    if decoded["op_class"] in NOT_DATA:
        return False
    sources, destinations = set(decoded["sources"]), set(decoded["destinations"])
    first, second = random_registers(rng), random_registers(rng)
    for registers in (first, second):
        if base is not None:
            registers[base] = BUFFER
        if index is not None and index != base:
            registers[index] = 8
    for register in sources:
        second[register] = first[register]
    after_first, after_second = cpu.execute(word, first), cpu.execute(word, second)
    if after_first is None or after_second is None:
        return False
    for register in range(REGISTERS):
        if register not in destinations:
            assert after_first.registers[register] == first[register], register
            assert after_second.registers[register] == second[register], register
        else:
            assert after_first.registers[register] == after_second.registers[register], register
    assert after_first.memory == after_second.memory
    return True


@pytest.mark.parametrize("group", DATA_GROUPS, ids=str)
def test_data_instructions(cpu: Cpu, group: str) -> None:
    rng = random.Random(group)
    ran = sum(check(cpu, word, rng) for word in words(DATA_GROUPS[group], 250))
    assert ran >= 8


@pytest.mark.parametrize("group", MEMORY_GROUPS, ids=str)
def test_memory_instructions(cpu: Cpu, group: str) -> None:
    rng = random.Random(group)
    ran = 0
    for word in words(MEMORY_GROUPS[group], 400):
        base, index = (word >> 5) & 31, (word >> 16) & 31
        if group == "exclusive" and word & (1 << 23) == 0 and word & (1 << 22) == 0:
            continue  # STXR's status depends on the monitor
        ran += check(cpu, word, rng, base, index if index != 31 else None)
    assert ran >= 8


def effect(cpu: Cpu, word: int, register: int, rng: random.Random, base: int | None) -> bool:
    """Whether changing ``register`` changes anything else."""
    for _ in range(20):
        before = random_registers(rng)
        if base is not None:
            before[base] = BUFFER
        changed = list(before)
        changed[register] = BUFFER + 64 if register == base else random_registers(rng)[register]
        a, b = cpu.execute(word, before), cpu.execute(word, changed)
        assert a is not None
        assert b is not None
        if differs(a, b, register, before, changed):
            return True
    return False


def differs(a: State, b: State, register: int, before: list[int], changed: list[int]) -> bool:
    if a.memory != b.memory:
        return True
    for number, (x, y) in enumerate(zip(a.registers, b.registers, strict=True)):
        same_as_input = x == before[number] and y == changed[number]
        if x != y and not (number == register and same_as_input):
            return True
    return False


# One of each kind that a compiler emits, with no register twice: every source must matter.
COMMON = {
    "add x1, x2, x3, lsl #4": 0x8B031041,
    "add x1, x2, #5": 0x91001441,
    "subs x1, x2, x3": 0xEB030041,
    "madd x1, x2, x3, x4": 0x9B031041,
    "smull x1, w2, w3": 0x9B237C41,
    "csel x1, x2, x3, gt": 0x9A83C041,
    "bfi x1, x2, #3, #5": 0xB37D1041,
    "movk x1, #7, lsl #16": 0xF2A000E1,
    "udiv x1, x2, x3": 0x9AC30841,
    "sdot v1.4s, v2.16b, v3.16b": 0x4E839441,
    "sdot v1.4s, v2.16b, v3.4b[1]": 0x4FA3E041,
    "mla v1.4s, v2.4s, v3.4s": 0x4EA39441,
    "smlal v1.4s, v2.4h, v3.4h": 0x0E638041,
    "smlal2 v1.8h, v2.16b, v3.16b": 0x4E238041,
    "sqxtn2 v1.16b, v2.8h": 0x4E214841,
    "sqrdmulh v1.4s, v2.4s, v3.4s": 0x6EA3B441,
    "sshl v1.4s, v2.4s, v3.4s": 0x4EA34441,
    "bsl v1.16b, v2.16b, v3.16b": 0x6E631C41,
    "tbl v1.16b, {v2.16b, v3.16b}, v4.16b": 0x4E042041,
    "zip1 v1.4s, v2.4s, v3.4s": 0x4E833841,
    "ext v1.16b, v2.16b, v3.16b, #3": 0x6E031841,
    "ins v1.s[2], w3": 0x4E141C61,
    "dup v1.4s, w3": 0x4E040C61,
    "umov x1, v2.d[1]": 0x4E183C41,
    "fmla v1.4s, v2.4s, v3.4s": 0x4E23CC41,
    "fmadd s1, s2, s3, s4": 0x1F031041,
    "fcvtzs w1, s2": 0x1E380041,
    "scvtf s1, w2": 0x1E220041,
}


@pytest.mark.parametrize("text", COMMON, ids=str)
def test_every_source_of_common_instructions_matters(cpu: Cpu, text: str) -> None:
    rng = random.Random(text)
    word = COMMON[text]
    decoded = _engine.decode(word, 0)
    assert decoded["op_class"] not in NOT_DATA
    assert all(effect(cpu, word, register, rng, None) for register in decoded["sources"])
    assert decoded["destinations"]


MEMORY = {  # word: (load, store, bytes)
    0xA8C10861: (True, False, 16),  # ldp x1, x2, [x3], #16
    0x3DC00461: (True, False, 16),  # ldr q1, [x3, #16]
    0xACC10861: (True, False, 32),  # ldp q1, q2, [x3], #32
    0x4C402061: (True, False, 64),  # ld1 {v1.16b-v4.16b}, [x3]
    0x4C000061: (False, True, 64),  # st4 {v1.16b-v4.16b}, [x3]
    0x4D40C861: (True, False, 4),  # ld1r {v1.4s}, [x3]
    0x38401461: (True, False, 1),  # ldrb w1, [x3], #1
    0xF8247861: (False, True, 8),  # str x1, [x3, x4, lsl #3]
    0x29000861: (False, True, 8),  # stp w1, w2, [x3]
    0xF8240061: (True, True, 8),  # ldadd x4, x1, [x3]
}


@pytest.mark.parametrize("word", MEMORY, ids=hex)
def test_sizes_of_accesses(word: int) -> None:
    decoded = _engine.decode(word, 0)
    assert (decoded["load"], decoded["store"], decoded["bytes"]) == MEMORY[word]
    assert 3 in decoded["sources"]


def test_branch_targets() -> None:
    assert _engine.decode(0x14000004, 0x1000)["target"] == 0x1010  # b .+16
    assert _engine.decode(0x97FFFFFF, 0x1000)["target"] == 0xFFC  # bl .-4
    assert _engine.decode(0x54FFFFE1, 0x1000)["target"] == 0xFFC  # b.ne .-4
    assert _engine.decode(0xB40000A3, 0x1000)["target"] == 0x1014  # cbz x3, .+20
    assert _engine.decode(0x37100083, 0x1000)["target"] == 0x1010  # tbnz w3, #2, .+16
    assert _engine.decode(0x54FFFFE1, 0x1000)["sources"] == [FLAGS]


def test_clock_registers_are_told_apart() -> None:
    assert _engine.decode(0xD53BE040)["op_class"] == CLOCK  # mrs x0, cntvct_el0
    assert _engine.decode(0xD53B9D00)["op_class"] == CLOCK  # mrs x0, pmccntr_el0
    assert _engine.decode(0xD53BE000)["op_class"] == SYSTEM  # mrs x0, cntfrq_el0
    assert _engine.decode(0xD5384240)["op_class"] == SYSTEM  # mrs x0, currentel


def test_sp_is_not_the_zero_register() -> None:
    assert SP in _engine.decode(0x910043FF)["sources"]  # add sp, sp, #16
    assert _engine.decode(0xEB1F03FF)["sources"] == []  # cmp xzr, xzr
    assert _engine.decode(0x4E040C61)["destinations"] == [V0 + 1]
