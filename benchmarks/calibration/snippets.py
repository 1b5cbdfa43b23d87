"""The micro-benchmarks: short loops of assembly, each for one property of the core.

A loop runs `iterations` times over a body that is written out `copies` times.  Registers: x0 is
the loop counter, x1 and x2 point to a buffer, x3 is `mask`, x4 an odd number, x5 a tile's input
window, x16 its programming window; the body may change x2, x6 to x15, x17 to x19 and all vectors.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

KIB = 1 << 10
LINE = 64


@dataclass(frozen=True)
class Snippet:
    """One loop; its cycles are divided by `operations` per copy of the body."""

    name: str
    shows: str
    body: str
    setup: str = ""
    copies: int = 8
    iterations: int = 200
    operations: int = 1
    mask: int = 0
    chase: int = 0  # bytes over which the buffer is a chain of pointers
    cold: bool = False  # not run before it is measured, and the caches hold other data

    @property
    def total_operations(self) -> int:
        """What its cycles are divided by."""
        return self.iterations * self.copies * self.operations


def _chain(name: str, shows: str, body: str, **more: int) -> Snippet:
    return Snippet(f"chain.{name}", f"latency: {shows}", body, **more)


def _chains() -> Iterator[Snippet]:
    yield _chain("add", "integer addition", "add x6, x6, x4")
    yield _chain("shifted", "addition of a shifted register", "add x6, x4, x6, lsl #3")
    yield _chain("select", "compare and select", "cmp x6, x4\ncsel x6, x4, x6, lo")
    yield _chain("mul", "integer multiplication", "mul x6, x6, x4")
    yield _chain("div", "integer division", "sdiv x6, x6, x4")
    yield _chain("simd", "vector addition", "add v0.4s, v0.4s, v1.4s")
    yield _chain("simd_mul", "vector multiplication", "mul v0.4s, v0.4s, v1.4s")
    yield _chain("narrow", "narrowing shift", "sqxtn v0.4h, v0.4s\nsxtl v0.4s, v0.4h")
    yield _chain("permute", "permutation", "zip1 v0.4s, v0.4s, v1.4s")
    yield _chain("reduce", "sum over a vector", "addv s0, v0.4s")
    yield _chain("dot", "dot product to accumulator", "sdot v0.4s, v1.16b, v2.16b")
    yield _chain("dot_operand", "dot product to operand", "sdot v0.4s, v0.16b, v2.16b")
    yield _chain("fmla", "multiply-add to accumulator", "fmla v0.4s, v1.4s, v2.4s")
    yield _chain("fadd", "floating-point addition", "fadd v0.4s, v0.4s, v1.4s")
    yield _chain("fdiv", "floating-point division", "fdiv v0.4s, v0.4s, v1.4s")
    yield _chain(
        "dot_add",
        "dot product to vector addition",
        "sdot v0.4s, v1.16b, v2.16b\nadd v0.4s, v0.4s, v1.4s",
    )
    yield _chain("cross", "move to a vector and back", "fmov d0, x6\nfmov x6, d0")
    yield _chain("add_mul", "addition to multiplication", "add x6, x6, x4\nmul x6, x6, x4")
    yield _chain("load", "pointer in the L1", "ldr x2, [x2]", iterations=100, chase=LINE)
    yield _chain(
        "load_add",
        "load to addition to load",
        "ldr x2, [x2]\nadd x2, x2, xzr",
        iterations=100,
        chase=LINE,
    )
    yield _chain(
        "load_add2",
        "load to two additions to load",
        "ldr x2, [x2]\nadd x2, x2, xzr\nadd x2, x2, xzr",
        iterations=100,
        chase=LINE,
    )
    yield _chain(
        "vector_load",
        "vector load to dot product to address",
        "ldr q0, [x2]\nsdot v1.4s, v0.16b, v0.16b\numov w6, v1.s[0]\n"
        "and x6, x6, xzr\nadd x2, x1, x6",
        iterations=100,
    )
    yield _chain(
        "forward", "store to load of the same bytes", "str x6, [x1]\nldr x6, [x1]", iterations=100
    )
    yield _chain(
        "forward_wide",
        "two stores to one load of both",
        "str x6, [x1]\nstr x6, [x1, #8]\nldr q0, [x1]\numov x6, v0.d[0]",
        iterations=100,
    )


def _throughput() -> Iterator[Snippet]:
    def many(name: str, shows: str, line: str, count: int = 8, **more: int) -> Snippet:
        body = "\n".join(line.replace("{i}", str(6 + i)) for i in range(count))
        return Snippet(
            f"rate.{name}", f"throughput: {shows}", body, copies=2, operations=count, **more
        )

    yield many("add", "additions", "add x{i}, x{i}, x4")
    yield many("mul", "multiplications", "mul x{i}, x{i}, x4")
    yield many("div", "divisions", "sdiv x{i}, x{i}, x4")
    yield many("nop", "NOPs", "nop")
    yield many("simd", "vector additions", "add v{i}.4s, v{i}.4s, v1.4s")
    yield many("dot", "dot products", "sdot v{i}.4s, v1.16b, v2.16b")
    yield many("dot_element", "dot products by element", "sdot v{i}.4s, v1.16b, v2.4b[1]")
    yield many("fmla", "multiply-adds", "fmla v{i}.4s, v1.4s, v2.4s")
    yield many("load", "8-byte loads", "ldr x{i}, [x1, #{i}*8]")
    yield many("load_zero", "loads to nowhere", "ldr wzr, [x1, #{i}*8]")
    yield many("load_vector", "16-byte loads", "ldr q{i}, [x1, #{i}*16]")
    yield many("load_post", "16-byte loads, updated address", "ldr q{i}, [x1], #0")
    yield many("load_pair", "pairs of 8 bytes", "ldp x{i}, x18, [x1, #{i}*16]")
    yield many("load_vector_pair", "pairs of 16 bytes", "ldp q{i}, q30, [x1, #{i}*32]")
    yield many("load_structure", "two registers, by structure", "ld2 {v28.16b,v29.16b}, [x1]")
    yield many("load_four", "four registers", "ld1 {v28.16b-v31.16b}, [x1]")
    yield many("load_replicate", "one element to all", "ld1r {v{i}.4s}, [x1]")
    yield many("load_element", "signed bytes", "ldrsb w{i}, [x1, #{i}]")
    yield many("store", "8-byte stores", "str x{i}, [x1, #{i}*8]")
    yield many("store_vector", "16-byte stores", "str q{i}, [x1, #{i}*16]")
    yield many("store_post", "16-byte stores, updated address", "str q{i}, [x1], #0")
    yield many("store_pair", "pairs of 16 bytes", "stp q{i}, q30, [x1, #{i}*32]")
    yield many("store_one", "16 bytes, by structure", "st1 {v{i}.16b}, [x1]")
    yield many("prefetch", "prefetch hints", "prfm pldl1keep, [x1, #{i}*8]")
    yield many("cross", "moves to vectors", "fmov d{i}, x4")
    yield many("cross_back", "moves from vectors", "umov w{i}, v1.s[0]")
    yield many("address", "page addresses", "adrp x{i}, .")
    yield many("bitfield", "bit fields", "ubfx x{i}, x4, #3, #7")


def _pairs() -> Iterator[Snippet]:
    lines = {
        "add": "add x{i}, x{i}, x4",
        "dot": "sdot v{i}.4s, v1.16b, v2.16b",
        "load": "ldr q3{j}, [x1, #{i}*16]",
        "store": "str x{i}, [x1, #{i}*8]",
        "mul": "mul x{i}, x{i}, x4",
    }
    for first, second in (
        ("add", "dot"),
        ("add", "load"),
        ("dot", "load"),
        ("load", "store"),
        ("add", "store"),
        ("add", "mul"),
        ("dot", "store"),
    ):
        body = "\n".join(
            line.replace("{i}", str(6 + i)).replace("{j}", str(i % 2))
            for i in range(8)
            for line in (lines[first], lines[second])
        )
        yield Snippet(
            f"pair.{first}_{second}", f"{first} beside {second}", body, copies=2, operations=8
        )
    yield Snippet(
        "pair.two_loads_dots",
        "two loads, four dot products of them",
        "ldr q3, [x1]\nldr q4, [x1, #16]\nsdot v6.4s, v3.16b, v1.16b\nsdot v7.4s, v4.16b, v1.16b\n"
        "sdot v8.4s, v3.16b, v2.16b\nsdot v9.4s, v4.16b, v2.16b",
    )
    yield Snippet(
        "pair.gemm",
        "six loads, eight dot products of them by element",
        "ldr q3, [x1]\nldr q4, [x1, #16]\n"
        + "\n".join(f"ldr q{20 + i}, [x1, #{32 + 16 * i}]" for i in range(4))
        + "\n"
        + "\n".join(
            f"sdot v{6 + 4 * r + i}.4s, v{20 + i}.16b, v{3 + r}.4b[{r}]"
            for r in range(2)
            for i in range(4)
        ),
    )


def _loops() -> Iterator[Snippet]:
    for count in (1, 2, 4, 6, 8, 12, 16, 24, 32, 48):
        yield Snippet(
            f"loop.{count}",
            f"a loop of {count} additions",
            "\n".join(f"add x{6 + i % 8}, x{6 + i % 8}, x4" for i in range(count)),
            copies=1,
            iterations=1000,
        )
    for count in (8, 16):
        yield Snippet(
            f"loop.dots{count}",
            f"a loop of {count} dot products",
            "\n".join(f"sdot v{6 + i}.4s, v1.16b, v2.16b" for i in range(count)),
            copies=1,
            iterations=1000,
        )
    for rounds, iterations in ((4, 500), (20, 200)):
        yield Snippet(
            f"loop.inner{rounds}",
            f"an inner loop of {rounds} rounds",
            f"mov x6, #{rounds}\n1: add x7, x7, x4\nsub x6, x6, #1\ncbnz x6, 1b",
            copies=1,
            iterations=iterations,
        )


def _branches() -> Iterator[Snippet]:
    yield Snippet("branch.taken", "jumps to the next instruction", "b 1f\n1:", iterations=200)
    yield Snippet("branch.not_taken", "branches not taken", "cbnz xzr, 1f\n1:")
    yield Snippet(
        "branch.alternating",
        "taken every other time",
        "add x6, x6, #1\ntbz x6, #0, 1f\nadd x7, x7, #1\n1:",
        copies=1,
        iterations=1000,
    )
    yield Snippet(
        "branch.random",
        "taken at random",
        "mul x6, x6, x4\nadd x6, x6, #1\ntbz x6, #40, 1f\nadd x7, x7, #1\n1:",
        copies=1,
        setup="mov x6, #1",
        iterations=2000,
    )
    yield Snippet(
        "branch.random_load",
        "taken at random, on a loaded value",
        "mul x6, x6, x4\nadd x6, x6, #1\nstr x6, [x1]\nldr x7, [x1]\n"
        "tbz x7, #40, 1f\nadd x8, x8, #1\n1:",
        copies=1,
        setup="mov x6, #1",
        iterations=2000,
    )
    yield Snippet(
        "branch.call",
        "calls and returns",
        "bl aimc_calibration_empty",
        copies=4,
        setup="mov x19, x30",
        iterations=200,
    )


_NEXT = "mul x2, x2, x4\nadd x2, x2, #77\nand x6, x3, x2, lsr #20\n"


def _loads() -> Iterator[Snippet]:
    for name, kib in (("16k", 16), ("256k", 256), ("8m", 8192)):
        footprint = kib * KIB
        rounds = min(2000, footprint // LINE)
        yield Snippet(
            f"load.chase.{name}",
            f"pointers in {name}",
            "ldr x2, [x2]",
            copies=1,
            iterations=rounds,
            chase=footprint,
            cold=kib > 1024,
        )
        mask = footprint - LINE
        yield Snippet(
            f"load.random.{name}",
            f"independent loads in {name}",
            f"{_NEXT}ldr x7, [x1, x6]",
            copies=4,
            iterations=500,
            mask=mask,
            cold=kib > 1024,
        )
        yield Snippet(
            f"load.random_use.{name}",
            f"loads in {name} and a use",
            f"{_NEXT}ldr x7, [x1, x6]\nadd x8, x8, x7",
            copies=4,
            iterations=500,
            mask=mask,
            cold=kib > 1024,
        )
        yield Snippet(
            f"load.random_pair.{name}",
            f"two loads in {name}, then work",
            f"{_NEXT}ldr x7, [x1, x6]\n{_NEXT}ldr x9, [x1, x6]\n" + "add x8, x8, x4\n" * 16,
            copies=2,
            iterations=300,
            mask=mask,
            cold=kib > 1024,
        )
        lines = min(2000, footprint // LINE // 4)
        for stride in (16, 64):
            yield Snippet(
                f"load.stride{stride}.{name}",
                f"every {stride} bytes in {name}",
                f"ldr q0, [x2], #{stride}",
                copies=4,
                iterations=min(lines, footprint // stride // 4),
                cold=kib > 1024,
            )
    yield Snippet(
        "load.page.8m",
        "every 4160 bytes in 8m",
        "ldr q0, [x2], #64\nadd x2, x2, #1, lsl #12",
        copies=4,
        iterations=400,
        cold=True,
    )
    yield Snippet(
        "load.stream_dots.8m",
        "a stream with 4 dot products every 16 bytes",
        "ldr q0, [x2], #16\n" + "\n".join(f"sdot v{6 + i}.4s, v0.16b, v1.16b" for i in range(4)),
        copies=4,
        iterations=2000,
        cold=True,
    )
    yield Snippet(
        "load.touch_ahead.8m",
        "the same, and a load to nowhere 512 bytes ahead",
        "ldr wzr, [x2, #512]\n"
        + "\n".join(
            f"ldr q{i}, [x2], #16\n"
            + "\n".join(f"sdot v{6 + j}.4s, v{i}.16b, v1.16b" for j in range(4))
            for i in range(4)
        ),
        copies=1,
        iterations=2000,
        operations=4,
        cold=True,
    )
    yield Snippet(
        "load.prefetch_ahead.8m",
        "the same with a prefetch hint",
        "prfm pldl1keep, [x2, #512]\n"
        + "\n".join(
            f"ldr q{i}, [x2], #16\n"
            + "\n".join(f"sdot v{6 + j}.4s, v{i}.16b, v1.16b" for j in range(4))
            for i in range(4)
        ),
        copies=1,
        iterations=2000,
        operations=4,
        cold=True,
    )
    yield Snippet("load.split", "16 bytes over two lines", "ldr q0, [x1, #56]\nadd x6, x6, x4")


def _stores() -> Iterator[Snippet]:
    for name, kib in (("16k", 16), ("256k", 256), ("8m", 8192)):
        footprint = kib * KIB
        yield Snippet(
            f"store.stream.{name}",
            f"16-byte stores in a row, {name}",
            "str q0, [x2], #16",
            copies=4,
            iterations=min(2000, footprint // 64),
            cold=kib > 1024,
        )
        yield Snippet(
            f"store.random.{name}",
            f"8-byte stores in {name}",
            f"{_NEXT}str x7, [x1, x6]",
            copies=4,
            iterations=500,
            mask=footprint - LINE,
            cold=kib > 1024,
        )
    yield Snippet(
        "store.copy.8m",
        "a copy",
        "ldr q0, [x2], #16\nstr q0, [x7], #16",
        copies=4,
        iterations=2000,
        setup="add x7, x1, #0x800, lsl #12",
        cold=True,
    )
    yield Snippet(
        "store.hit_under_miss.8m",
        "a store to a new line and seven that hit",
        "str x6, [x2], #64\n" + "\n".join(f"str x6, [x1, #{8 * i}]" for i in range(7)),
        copies=1,
        iterations=1000,
        setup="add x2, x2, #1, lsl #12",
        cold=True,
    )
    yield Snippet(
        "store.dirty_stream.8m",
        "read, change and write back",
        "ldr q0, [x2]\nadd v0.4s, v0.4s, v1.4s\nstr q0, [x2], #16",
        copies=4,
        iterations=4000,
        cold=True,
    )


def _devices() -> Iterator[Snippet]:
    def device(name: str, shows: str, body: str) -> Snippet:
        return Snippet(f"device.{name}", shows, body, copies=4, iterations=50)

    for size, suffix, register in (
        (1, "b", "w6"),
        (2, "h", "w6"),
        (4, "", "w6"),
        (8, "", "x6"),
        (16, "", "q0"),
    ):
        yield device(
            f"store{size}", f"{size}-byte stores to a tile's input", f"str{suffix} {register}, [x5]"
        )
        yield device(
            f"load{size}", f"{size}-byte loads from a tile", f"ldr{suffix} {register}, [x16]"
        )
    yield device("store_pair", "pairs of 8 bytes to a tile", "stp x6, x6, [x5]")
    yield device(
        "store_work",
        "an 8-byte store to a tile and 16 additions",
        "str x6, [x5]\n" + "add x8, x8, x4\n" * 16,
    )
    yield device(
        "load_work",
        "an 8-byte load from a tile and 16 additions",
        "ldr x6, [x16]\n" + "add x8, x8, x4\n" * 16,
    )
    yield device("store_vector", "a vector to a tile by ST1", "st1 {v0.16b}, [x5]")
    yield device("copy_in", "memory to tile, 8 bytes", "ldr x6, [x1, #8]\nstr x6, [x5]")
    yield device("copy_in16", "memory to tile, 16 bytes", "ldr q0, [x1, #16]\nstr q0, [x5]")
    yield device(
        "copy_in64",
        "memory to tile, 64 bytes by LD1 and ST1",
        "ld1 {v0.16b-v3.16b}, [x1]\nst1 {v0.16b-v3.16b}, [x5]",
    )
    yield device("copy_out", "tile to memory, 8 bytes", "ldr x6, [x16]\nstr x6, [x1, #8]")
    yield device(
        "copy_out64",
        "tile to memory, 64 bytes by LD1 and ST1",
        "ld1 {v0.16b-v3.16b}, [x16]\nst1 {v0.16b-v3.16b}, [x1]",
    )


def snippets() -> tuple[Snippet, ...]:
    """All micro-benchmarks, in the order in which they run."""
    return (
        *_chains(),
        *_throughput(),
        *_pairs(),
        *_loops(),
        *_branches(),
        *_loads(),
        *_stores(),
        *_devices(),
    )
