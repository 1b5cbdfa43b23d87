"""Every address that the timing model derives is the one that the emulator accesses.

The same runs show that memoized timing gives the same as stepping.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engines.embedded.guest_programs import EXIT, build_asm, build_guest, run, system

# Programs in guests/ that run in one region.
C_PROGRAMS = (
    "matrix_product",
    "linked_list",
    "sort_and_search",
    "bytes_and_words",
    "structures",
)


@pytest.mark.parametrize("optimize", ["-O0", "-O2", "-O3"])
@pytest.mark.parametrize("name", C_PROGRAMS)
def test_compiled_programs(tmp_path: Path, name: str, optimize: str) -> None:
    elf = build_guest(tmp_path, name, optimize)
    for preset in ("alpine-hp", "a55-hermes"):
        small = system("caches.l1i.size_kib=1", "caches.l1d.size_kib=1", name=preset)
        for config in (system(name=preset), small):
            checked = run(elf, config, ["main"], check=True)
            plain = run(elf, config, ["main"])
            assert checked.exit_code == 0
            assert checked.instructions > 250  # it did its work
            assert plain.simulated_ns == checked.simulated_ns
            assert plain.instructions == checked.instructions
            assert plain.regions == checked.regions
            assert plain.regions[0].events["cycles"] > 0


ASM_PROGRAMS = {
    # The address depends on a value that cannot be computed before the block runs.
    "address through simd": """
adrp x20, buffer
add x1, x20, #128
fmov d0, x1
str x1, [x20]
fmov x2, d0
ldr x3, [x2, #8]
ldr x4, [x20]
ldr x5, [x4]
umov x6, v0.d[0]
str x5, [x6, #16]!
ldr x7, [x6]
""",
    # A pointer that the same block stores before it loads it.
    "pointer stored and loaded": """
adrp x20, buffer
add x1, x20, #256
str x1, [x20, #64]
ldr x2, [x20, #64]
ldr x3, [x2]
strb wzr, [x20, #65]
ldr x2, [x20, #64]
add x2, x2, x20
mov w4, #8
ldr x5, [x20, w4, sxtw]
""",
    # The console between pointers: stores that have not executed when the address is needed.
    "device between": """
adrp x20, buffer
ldr x9, =UART
mov w8, #65
add x1, x20, #256
str w8, [x9]
str x1, [x20, #64]
ldr x2, [x20, #64]
ldr x3, [x2]
ldr w10, [x9, #0x18]
add x11, x20, x10
ldr x12, [x11]
b 1f
.ltorg
1:
""",
    "all addressing modes": """
adrp x20, buffer
add x20, x20, #1024
mov x1, #3
mov w2, #-4
ldr x3, [x20, x1, lsl #3]
ldr w3, [x20, w2, sxtw #2]
ldr x3, [x20, w1, uxtw]
ldrsb x3, [x20, #-5]
ldrsh w3, [x20], #6
strh w3, [x20, #-6]!
ldp x4, x5, [x20], #16
stp q0, q1, [x20, #-32]!
ldpsw x6, x7, [x20, #8]
ld1 {v0.16b, v1.16b, v2.16b}, [x20], #48
mov x8, #32
st1 {v0.8h, v1.8h}, [x20], x8
ld4 {v0.b, v1.b, v2.b, v3.b}[3], [x20], #4
ld2r {v4.2d, v5.2d}, [x20]
ldr q6, 1f
ldr x9, 1f
ldrsw x9, 1f
prfm pldl1keep, [x20, #64]
and x20, x20, #-16
ldxr x10, [x20]
ldar x11, [x20]
stlr x11, [x20]
ldadd x1, x12, [x20]
swp x1, x12, [x20]
cas x1, x12, [x20]
sub x13, x20, x1, lsl #2
and x13, x13, #-16
ldr q7, [x13]
b 2f
.p2align 4
1: .quad 0x1234, 0x5678
2:
""",
    "addresses by arithmetic": """
adrp x20, buffer
mov x1, #12345
mov x2, #17
mul x3, x1, x2
udiv x4, x3, x1
lsl x5, x4, #3
ubfx x6, x3, #2, #9
cmp x5, #100
csel x7, x5, x6, lt
adds x8, x7, #1
csinc x9, x8, x7, eq
rbit x10, x9
lsr x10, x10, #50
and x10, x10, #~7
ldr x11, [x20, x10]
bfi x12, x6, #3, #5
and x12, x12, #0xff8
ldr x13, [x20, x12]
ccmp x6, #3, #0, gt
cset x14, hi
ldrb w15, [x20, x14]
eor x16, x20, x14
bic x16, x16, #7
ldr x17, [x16]
ror x18, x20, #4
ror x18, x18, #60
str x17, [x18]
""",
}


@pytest.mark.parametrize("name", ASM_PROGRAMS, ids=str)
@pytest.mark.parametrize("times", [1, 3])
def test_assembly(tmp_path: Path, name: str, times: int) -> None:
    body = f"mov x28, #{times}\nagain:\n{ASM_PROGRAMS[name]}\nsubs x28, x28, #1\nb.ne again\n"
    elf = build_asm(tmp_path, body + EXIT)
    assert run(elf, system(), check=True).exit_code == 0


def test_clearing_whole_lines(tmp_path: Path) -> None:
    """DC ZVA stores as many bytes as DCZID_EL0 says, and as memory shows."""
    result = run(build_guest(tmp_path, "zero_block"), system(), ["clear"])
    assert 0 < result.exit_code < 255
    assert result.regions[0].events["l1d_accesses"] == 1
    assert result.regions[0].events["stores"] == 2  # with the one that ends the region
