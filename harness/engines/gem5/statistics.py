"""Reading gem5's `stats.txt`: every dump whole and unambiguous, or an error.

The grammar is that of gem5's text output (src/base/stats/text.cc, gem5 24): a dump stands
between two marks; a line is a name, a value, for some vectors a percentage and a cumulative
percentage, and a description that ends with the unit in parentheses.  Elements of vectors and
parts of distributions have names of their own (``name::part``), except in one-line vectors
(``name | value ... | value ...``).  gem5 leaves out what is zero where a statistic says so, so
a missing name can mean 0; only the reader of a statistic knows.
"""

from __future__ import annotations

import gzip
import math
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import StatsError

_BEGIN: Final = "---------- Begin Simulation Statistics ----------"
_END: Final = "---------- End Simulation Statistics   ----------"
_NAME: Final = re.compile(r"[A-Za-z_][^\s|#]*")
_VALUE: Final = re.compile(r"-?(?:[0-9]+(?:\.[0-9]+)?|nan|inf)")
_PERCENT: Final = re.compile(r"-?(?:[0-9]+\.[0-9]+|nan|inf)%")
_EXACT: Final = 2**53  # gem5 counts in doubles
_SHOWN: Final = 80  # characters of a line in a message


@dataclass(frozen=True)
class Dump:
    """One dump of all statistics.

    ``values`` has scalars, elements (``name::part``) and formulas, which can be nan or
    infinite; ``rows`` one-line vectors; ``units`` the unit of each where it has one, as gem5
    writes it (``Count``, ``(Cycle/Count)``).  ``where`` names the dump in messages.
    """

    where: str
    values: Mapping[str, float]
    rows: Mapping[str, tuple[float, ...]]
    units: Mapping[str, str]

    def count(self, name: str, *, absent: int | None = None) -> int:
        """The value of ``name`` as a count.

        Args:
            name: Full name.
            absent: What a missing name means; None: it is an error.

        Raises:
            StatsError: It is missing, or is no non-negative integer that a double holds.
        """
        value = self.values.get(name)
        if value is None:
            if absent is None:
                raise StatsError(
                    f"the statistic {name!r} is missing",
                    where=self.where,
                    hint="this gem5 names or prints it otherwise; see docs/gem5-engine.md",
                )
            return absent
        if not math.isfinite(value) or value < 0 or value != int(value) or value > _EXACT:
            raise StatsError(f"the statistic {name!r} is {value!r}, not a count", where=self.where)
        return int(value)


def read_dumps(path: Path) -> Iterator[Dump]:
    """The dumps of the file ``path`` (gzip by its name's ending ``.gz``), one after the other.

    Raises:
        StatsError: As `parse_dumps`, or the file cannot be read.
    """
    try:
        with (
            gzip.open(path, "rt", encoding="utf-8", newline="\n")
            if path.suffix == ".gz"
            else path.open(encoding="utf-8", newline="\n")
        ) as stream:
            yield from parse_dumps(stream, where=str(path))
    except UnicodeDecodeError as error:
        raise StatsError("not a text file", where=str(path)) from error
    except (OSError, EOFError, zlib.error) as error:
        raise StatsError(f"cannot read the statistics: {error}", where=str(path)) from error


def parse_dumps(lines: Iterable[str], *, where: str) -> Iterator[Dump]:
    """The dumps in ``lines``, one after the other.

    Raises:
        StatsError: A line is none of gem5's, a name stands twice in one dump, or a dump is
            not complete; dumps before it have been given.
    """
    dump: _OpenDump | None = None
    found = 0
    for number, line in enumerate(lines, start=1):
        text = line.rstrip("\n").rstrip(" ")
        place = f"{where}:{number}"
        if not text:
            continue
        if text == _BEGIN:
            if dump is not None:
                raise StatsError("a dump begins inside another, which is not complete", where=place)
            dump = _OpenDump()
        elif dump is None:
            raise StatsError(f"text outside of a dump: {text[:_SHOWN]!r}", where=place)
        elif text == _END:
            yield dump.closed(f"{where}, dump {found}")
            found += 1
            dump = None
        else:
            dump.add(text, place)
    if dump is not None:
        raise StatsError(
            f"the file ends inside dump {found}",
            where=where,
            hint="gem5 was killed, or the disk is full",
        )


class _OpenDump:
    """A dump whose end has not come yet."""

    def __init__(self) -> None:
        self._values: dict[str, float] = {}
        self._rows: dict[str, tuple[float, ...]] = {}
        self._units: dict[str, str] = {}

    def add(self, line: str, place: str) -> None:
        content, _, description = line.partition("#")
        # A wide value follows its bar without a space.
        name, *tokens = content.replace("|", " | ").split() or [""]
        if not _NAME.fullmatch(name) or not tokens:
            raise _bad_line(line, place)
        if name in self._values or name in self._rows:
            raise StatsError(f"the statistic {name!r} stands twice in one dump", where=place)
        if tokens[0] == "|":
            self._rows[name] = _row(tokens, line, place)
        else:
            self._values[name] = _cell(tokens, line, place)
        unit = _unit(description)
        if unit is not None:
            self._units[name] = unit

    def closed(self, where: str) -> Dump:
        return Dump(where, self._values, self._rows, self._units)


def _cell(tokens: list[str], line: str, place: str) -> float:
    """A value and up to two percentages."""
    if not 1 <= len(tokens) <= 3 or not _VALUE.fullmatch(tokens[0]):
        raise _bad_line(line, place)
    if not all(_PERCENT.fullmatch(token) for token in tokens[1:]):
        raise _bad_line(line, place)
    return float(tokens[0])


def _row(tokens: list[str], line: str, place: str) -> tuple[float, ...]:
    """Cells that begin with a bar each."""
    cells: list[list[str]] = []
    for token in tokens:
        if token == "|":
            cells.append([])
        else:
            cells[-1].append(token)
    return tuple(_cell(cell, line, place) for cell in cells)


def _unit(description: str) -> str | None:
    """The last group in parentheses, which can have groups inside."""
    text = description.rstrip()
    if not text.endswith(")"):
        return None
    depth = 0
    for index in range(len(text) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(text[index], 0)
        if depth == 0:
            return text[index + 1 : -1]
    return None


def _bad_line(line: str, place: str) -> StatsError:
    return StatsError(f"not a line of gem5's statistics: {line[:_SHOWN]!r}", where=place)
