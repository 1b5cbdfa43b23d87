"""The core's timing where it can be worked out by hand.

Each kernel runs in two lengths; the difference of their cycles excludes entering and leaving.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.engines.protocol import RegionStats
from tests.engines.embedded.guest_programs import build_snippets, by_name, run, system

REPEATS = 96


def repeated(body: str, count: int) -> str:
    return f".rept {count}\n{body}\n.endr"


# name: instructions of one repetition
BODIES = {
    "dependent add": "add x1, x1, #1",
    "independent add": "add x1, x9, #1\nadd x2, x9, #1",
    "dependent mul": "mul x1, x1, x1",
    "independent mul": "mul x1, x9, x9\nmul x2, x9, x9",
    "dependent div": "udiv x1, x1, x9",
    "independent div": "udiv x1, x9, x9\nudiv x2, x9, x9",
    "dependent simd": "add v1.4s, v1.4s, v9.4s",
    "independent simd": "add v1.4s, v9.4s, v9.4s\nadd v2.4s, v9.4s, v9.4s",
    "dot accumulate": "sdot v1.4s, v9.16b, v10.16b",
    "dot through operand": "sdot v1.4s, v1.16b, v10.16b",
    "dot eight accumulators": "\n".join(f"sdot v{i}.4s, v9.16b, v10.16b" for i in range(1, 9)),
    "dot and add": "sdot v1.4s, v9.16b, v10.16b\nadd x1, x9, #1",
    "dependent fp": "fadd s1, s1, s9",
    "dependent fp div": "fdiv s1, s1, s9",
    "pointer chase": "ldr x8, [x8]",
    "independent load": "ldr x1, [x20]\nldr x2, [x20, #8]",
    "load and add": "ldr x1, [x20]\nadd x2, x9, #1",
    "load then use": "ldr x1, [x8]\nadd x8, x8, x1",
    "load q pair": "ldp q1, q2, [x20]",
    "store": "str x9, [x20]\nstr x9, [x20, #8]",
    "flags": "subs x1, x1, #0\nccmp x1, x9, #0, ne",
    "select": "csel x1, x1, x9, ne",
    "nop": "nop\nnop",
    "move to simd and back": "dup v1.4s, w1\numov w1, v1.s[0]",
    "post index": "ldr x1, [x20], #0\nldr x2, [x20], #0",
}
SETUP = "mov x8, x20\nstr xzr, [x20]\nmov x9, #3\nmov x1, #1"
CHASE = "mov x8, x20\nstr x20, [x20]\nmov x9, #3\nmov x1, #1"
# A core whose latencies are all different, so that a wrong one shows.
CORE = {
    "int_latency": 1,
    "mul_latency": 3,
    "div_latency": 11,
    "simd_latency": 2,
    "simd_mul_latency": 5,
    "dot_latency": 6,
    "dot_accumulate_latency": 1,
    "fp_latency": 4,
    "fp_div_latency": 13,
    "load_to_use_latency": 7,
}
OVERRIDES = [f"core.{key}={value}" for key, value in CORE.items()]


@pytest.fixture(scope="module")
def elf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    snippets = {}
    for name, body in BODIES.items():
        setup = CHASE if "chase" in name else SETUP
        snippets[name] = f"{setup}\n{repeated(body, REPEATS)}"
        snippets[name + " x2"] = f"{setup}\n{repeated(body, 2 * REPEATS)}"
    return build_snippets(tmp_path_factory.mktemp("core"), snippets)


def names() -> list[str]:
    return [name + suffix for name in BODIES for suffix in ("", " x2")]


def slopes(elf: Path, *overrides: str) -> dict[str, float]:
    """Cycles of one repetition."""
    stats = by_name(run(elf, system(*OVERRIDES, *overrides), names()))
    return {name: (cycles(stats[name + " x2"]) - cycles(stats[name])) / REPEATS for name in BODIES}


def cycles(stats: RegionStats) -> int:
    return stats.events["cycles"]


@pytest.fixture(scope="module")
def base(elf: Path) -> dict[str, float]:
    return slopes(elf)


EXPECTED = {
    "dependent add": 1,
    "independent add": 1,  # two a cycle
    "dependent mul": 3,
    "independent mul": 2,  # one multiplier, pipelined
    "dependent div": 11,
    "independent div": 22,  # one divider, not pipelined
    "dependent simd": 2,
    "independent simd": 2,  # one SIMD unit
    "dot accumulate": 1,  # dot_accumulate_latency
    "dot through operand": 6,  # dot_latency
    "dot eight accumulators": 8,
    "dot and add": pytest.approx(1, abs=0.2),  # as fast as they are fetched
    "dependent fp": 4,
    "dependent fp div": 13,
    "pointer chase": 5,  # its unit's 4 cycles and one of forwarding
    # Nothing leaves the unit while the next to commit waits for the L1D's 2 cycles; the core stops.
    "independent load": 6,
    "load and add": pytest.approx(2, abs=0.1),
    "load then use": 6,  # the addition executes in the cycle in which it commits
    "load q pair": 6,
    "store": 2,
    "flags": 1,  # CCMP waits for SUBS; the next SUBS goes with it
    "select": 1,
    "nop": 1,
    "move to simd and back": 4,
    "post index": 6,  # the next address waits for the commit of the update
}


@pytest.mark.parametrize("name", BODIES, ids=str)
def test_cycles_of_one_repetition(base: dict[str, float], name: str) -> None:
    assert base[name] == EXPECTED[name]


def test_single_issue(elf: Path) -> None:
    narrow = slopes(elf, "core.issue_width=1")
    assert narrow["independent add"] == 2
    assert narrow["dot and add"] == 2
    assert narrow["dependent add"] == 1


def test_more_units(elf: Path) -> None:
    wide = slopes(elf, "core.issue_width=4", "core.simd_units=2", "core.load_store_units=2")
    assert wide["independent simd"] == 1
    assert wide["dot eight accumulators"] == 4
    assert wide["independent add"] == 1  # two integer units


def test_accumulator_forwarding_is_a_parameter(elf: Path) -> None:
    assert slopes(elf, "core.dot_accumulate_latency=6")["dot accumulate"] == 6


def test_everything_here_is_compute(elf: Path) -> None:
    result = run(elf, system(*OVERRIDES), names())
    for region in result.regions:
        events = region.events
        assert events["cycles_memory"] == 0, region.name
        assert events["cycles_compute"] == events["cycles"] > 0
        assert events["l1d_misses"] == 0
        # The period is rounded to whole femtoseconds.
        assert region.time_ns == pytest.approx(events["cycles"] / 2.3, rel=1e-5)


def test_counts_of_instructions(elf: Path) -> None:
    stats = by_name(run(elf, system(), names()))

    def per_repetition(name: str, event: str) -> float:
        return (stats[name + " x2"].events[event] - stats[name].events[event]) / REPEATS

    assert per_repetition("dot and add", "instructions") == 2
    assert per_repetition("dot and add", "dot_ops") == 1
    assert per_repetition("dot and add", "simd_ops") == 1
    assert per_repetition("dot and add", "int_ops") == 1
    assert per_repetition("load then use", "loads") == 1
    assert per_repetition("load then use", "int_ops") == 1
    assert per_repetition("store", "stores") == 2
    assert per_repetition("store", "l1d_accesses") == 2
    assert per_repetition("load q pair", "loads") == 2
    assert per_repetition("load q pair", "instructions") == 1
    assert per_repetition("post index", "int_ops") == 2  # the address registers' updates
    assert per_repetition("load q pair", "l1d_accesses") == 2
    assert per_repetition("dependent fp", "fp_ops") == 1
    assert per_repetition("dependent fp", "simd_ops") == 0


LOOP = "mov x1, #{n}\n1: subs x1, x1, #1\nb.ne 1b"
# Branches on a bit of a linear congruential generator's state, which no history predicts.
RANDOM = """
mov x1, #{n}
mov x2, #12345
ldr x3, =6364136223846793005
mov x5, #0
1: mul x2, x2, x3
add x2, x2, #1442
tbz x2, #61, 2f
add x5, x5, #1
2: subs x1, x1, #1
b.ne 1b
b 3f
.ltorg
3:
"""
CALLS = (
    "mov x1, #{n}\nmov x7, x30\n1: bl 2f\nsubs x1, x1, #1\nb.ne 1b\nb 3f\n2: ret\n3: mov x30, x7"
)


@pytest.fixture(scope="module")
def branches(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_snippets(
        tmp_path_factory.mktemp("branches"),
        {
            "loop": LOOP.format(n=1000),
            "loop x2": LOOP.format(n=2000),
            "random": RANDOM.format(n=2000),
            "random x2": RANDOM.format(n=4000),
            "calls": CALLS.format(n=500),
            "calls x2": CALLS.format(n=1000),
        },
    )


BRANCH_NAMES = ["loop", "loop x2", "random", "random x2", "calls", "calls x2"]


def test_a_loop_is_predicted(branches: Path) -> None:
    stats = by_name(run(branches, system(), BRANCH_NAMES))
    one, two = stats["loop"].events, stats["loop x2"].events
    # A line is requested every three cycles; the line after the loop's is in flight first.
    assert two["cycles"] - one["cycles"] == pytest.approx(1000 * 6, rel=0.01)
    assert two["branches"] - one["branches"] == 1000
    assert two["branch_mispredicts"] <= 16  # until the loop fills a history


def test_calls_and_returns_are_predicted(branches: Path) -> None:
    stats = by_name(run(branches, system(), BRANCH_NAMES))
    one, two = stats["calls"].events, stats["calls x2"].events
    assert two["branch_mispredicts"] - one["branch_mispredicts"] <= 1
    assert two["branches"] - one["branches"] == 500 * 3


def test_random_branches_cost_the_penalty(branches: Path) -> None:
    costs = {}
    for penalty in (7, 17):
        config = system(f"core.branch_mispredict_penalty={penalty}")
        stats = by_name(run(branches, config, BRANCH_NAMES))
        one, two = stats["random"].events, stats["random x2"].events
        costs[penalty] = two["cycles"] - one["cycles"]
        mispredicts = two["branch_mispredicts"] - one["branch_mispredicts"]
        # One of two branches per iteration is random: half of 2000, with room for chance.
        assert 0.2 * 2000 < mispredicts < 0.65 * 2000
    assert costs[17] - costs[7] == pytest.approx(10 * mispredicts, rel=0.01)
