"""The parser of gem5's statistics: what it reads, and that nothing incomplete passes."""

from __future__ import annotations

import gzip
import math
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.engines.gem5.statistics import Dump, parse_dumps, read_dumps
from harness.errors import StatsError

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine
BEGIN = "---------- Begin Simulation Statistics ----------"
END = "---------- End Simulation Statistics   ----------"


def parse(text: str) -> list[Dump]:
    return list(parse_dumps(text.splitlines(keepends=True), where="stats.txt"))


def dump(*lines: str) -> str:
    return "\n".join(["", BEGIN, *lines, "", END, ""])


@dataclass
class Written:
    """A dump's lines as gem5 prints them, and what they say."""

    lines: list[str] = field(default_factory=list)
    values: dict[str, float] = field(default_factory=dict)
    rows: dict[str, tuple[float, ...]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        return dump(*self.lines)


def printed(value: float) -> str:
    """A value as gem5's ValueToString prints it."""
    if math.isnan(value):
        return "nan"
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return f"{value:.0f}" if value == int(value) else f"{value:.6f}"


NAMES = st.from_regex(r"\A[a-zA-Z_][a-zA-Z0-9_.\[\]-]{0,12}\Z")
UNITS = st.sampled_from(["Count", "(Cycle/Count)", "((Byte/Second)/Count)", "Joule", "Tick", None])
VALUES = st.one_of(
    st.integers(0, 2**53).map(float),
    st.floats(-1e15, 1e15).map(lambda value: float(f"{value:.6f}")),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0]),
)
PERCENT = st.floats(0, 100).map(lambda value: f" {value:9.2f}%")
DESCRIPTIONS = st.sampled_from(
    ["Number of cycles", "CPI: cycles per instruction (core level)", "time (seconds", "a # b", ""]
)


@st.composite
def written_dumps(draw: st.DrawFn) -> Written:
    """Scalars, vectors with percentages, distributions and one-line vectors, no name twice."""
    result = Written()
    for name in draw(st.lists(NAMES, unique=True, max_size=5)):
        unit, description = draw(UNITS), draw(DESCRIPTIONS)
        tail = (f" # {description}" if description else "") + (f" ({unit})" if unit else "")
        if unit and not description:
            tail = " # " + tail.strip()
        kind = draw(st.sampled_from(["scalar", "vector", "distribution", "row"]))
        if kind == "row":
            row = draw(st.lists(VALUES, min_size=1, max_size=5))
            cells = "".join(
                f" |{printed(value):>12}{draw(PERCENT)}{draw(PERCENT)}" for value in row
            )
            result.lines.append(f"{name:<40}{cells}{tail}")
            result.rows[name] = tuple(row)
            if unit:
                result.units[name] = unit
            continue
        parts = {
            "scalar": [""],
            "vector": ["::0", "::cpu.data", "::total"],
            "distribution": ["::samples", "::mean", "::stdev", "::0-63", "::overflows", "::total"],
        }[kind]
        for part in parts:
            value = draw(VALUES)
            percents = "".join(draw(st.lists(PERCENT, max_size=2))) if part else ""
            result.lines.append(f"{name + part:<40} {printed(value):>12}{percents:<22}{tail}")
            result.values[name + part] = value
            if unit:
                result.units[name + part] = unit
    return result


def same(left: float, right: float) -> bool:
    return left == right or (math.isnan(left) and math.isnan(right))


@UNTIMED
@given(st.lists(written_dumps(), max_size=3))
def test_what_was_written_is_read(written: list[Written]) -> None:
    found = parse("".join(item.text for item in written))
    assert len(found) == len(written)
    for item, expected in zip(found, written, strict=True):
        assert item.values.keys() == expected.values.keys()
        assert all(same(item.values[name], value) for name, value in expected.values.items())
        assert item.rows.keys() == expected.rows.keys()
        for name, row in expected.rows.items():
            assert all(same(a, b) for a, b in zip(item.rows[name], row, strict=True))
        for name, unit in expected.units.items():
            assert item.units[name] == unit


@UNTIMED
@given(written_dumps(), written_dumps(), st.data())
def test_no_truncated_dump_passes(first: Written, second: Written, data: st.DataObject) -> None:
    """A cut gives the dumps that are whole before it, and an error where one was begun."""
    text = first.text + second.text
    cut = data.draw(st.integers(0, len(text)))
    kept = text[:cut]
    whole = kept.count(END)
    stream = parse_dumps(kept.splitlines(keepends=True), where="stats.txt")
    given_dumps = [next(stream) for _ in range(whole)]
    assert len(given_dumps) == whole
    rest = kept.rsplit(END, 1)[-1] if whole else kept
    if rest.strip():
        with pytest.raises(StatsError):
            next(stream)
    else:
        assert list(stream) == []


@UNTIMED
@given(written_dumps(), st.text(max_size=60))
def test_any_other_line_is_refused_or_is_a_statistic(written: Written, line: str) -> None:
    """Nothing but an error of ours comes out of garbage, and no statistic changes by it."""
    text = dump(*written.lines, line.replace("\n", " "))
    try:
        found = parse(text)
    except StatsError:
        return
    assert len(found) == 1
    for name, value in written.values.items():
        assert same(found[0].values[name], value)


@pytest.mark.parametrize(
    "line",
    [
        "system.cpu.numCycles",
        "system.cpu.numCycles  1e5 # cycles (Cycle)",
        "system.cpu.numCycles  1_000 # cycles (Cycle)",
        "system.cpu.numCycles  0x10 # cycles (Cycle)",
        "system.cpu.numCycles  12 13 # cycles (Cycle)",
        "system.cpu.numCycles  12 1.00% 2.00% 3.00% # cycles (Cycle)",
        "system.cpu.numCycles  infinity",
        "system.cpu.numCycles  12 | 13 # cycles (Cycle)",
        "system.cpu.row | 12 | | 13",
        "12 system.cpu.numCycles",
        "# only a description",
    ],
)
def test_lines_that_gem5_does_not_write(line: str) -> None:
    with pytest.raises(StatsError, match="not a line"):
        parse(dump(line))


def test_a_name_twice_in_one_dump_is_refused_and_in_two_dumps_is_not() -> None:
    line = "simTicks 12 # ticks (Tick)"
    with pytest.raises(StatsError, match="'simTicks' stands twice"):
        parse(dump(line, "simFreq 1 # (Count)", line))
    assert [item.values["simTicks"] for item in parse(dump(line) + dump(line))] == [12.0, 12.0]


def test_text_outside_of_a_dump_and_a_dump_in_a_dump_are_refused() -> None:
    with pytest.raises(StatsError, match="outside of a dump"):
        parse("simTicks 12\n" + dump())
    with pytest.raises(StatsError, match="inside another"):
        parse(f"{BEGIN}\nsimTicks 1\n" + dump("simTicks 2"))


def test_counts_are_exact_or_an_error() -> None:
    found = parse(
        dump(
            "whole 9007199254740992 # (Count)",
            "half 0.5 # (Count)",
            "less -1 # (Count)",
            "none nan # (Count)",
            "much inf # (Count)",
            "more 9007199254740994 # (Count)",
        )
    )[0]
    assert found.count("whole") == 2**53
    assert found.count("absent", absent=7) == 7
    with pytest.raises(StatsError, match="'absent' is missing"):
        found.count("absent")
    for name in ("half", "less", "none", "much", "more"):
        with pytest.raises(StatsError, match="not a count"):
            found.count(name)
        with pytest.raises(StatsError, match="not a count"):
            found.count(name, absent=0)


def test_files_plain_and_packed(tmp_path: Path) -> None:
    text = dump("simTicks 12 # ticks (Tick)")
    plain, packed = tmp_path / "stats.txt", tmp_path / "stats.txt.gz"
    plain.write_text(text)
    packed.write_bytes(gzip.compress(text.encode()))
    for path in (plain, packed):
        assert [item.values for item in read_dumps(path)] == [{"simTicks": 12.0}]
    packed.write_bytes(packed.read_bytes()[:-12])
    plain.write_bytes(b"\xff\xfe" + text.encode())
    for path in (packed, plain, tmp_path / "none.txt"):
        with pytest.raises(StatsError):
            list(read_dumps(path))
