"""What the run script (gem5_configs/run.py) leaves beside `stats.txt`, read strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from harness.errors import EngineError
from harness.strict_json import JsonError, parse_json_object

T = TypeVar("T", str, int, bool)

EXIT: Final = "exit.json"
REGIONS: Final = "regions.jsonl"
_LONGEST: Final = 1 << 62  # ps


@dataclass(frozen=True)
class Ending:
    """How the program ended.

    ``cores``, ``tiles`` and ``meters`` (of what the cores wait for, in the same order) are the
    names of their groups of statistics.
    """

    cause: str
    exited: bool
    code: int
    tick_ps: int
    instructions: int
    open_region: int | None
    dumps: int
    cores: tuple[str, ...]
    tiles: tuple[str, ...]
    meters: tuple[str, ...]


@dataclass(frozen=True)
class Visit:
    """One execution of a region; ``dump`` numbers the dumps of `stats.txt`."""

    dump: int
    region: int
    visit: int
    begin_ps: int
    end_ps: int
    detailed: bool


def read_ending(folder: Path) -> Ending:
    """How the run in ``folder`` ended.

    Raises:
        EngineError: The file is missing or malformed: gem5 did not come to its end.
    """
    path = folder / EXIT
    record = _object(_text(path), str(path))
    open_region = record.get("open_region")
    return Ending(
        cause=_value(record, "cause", str, path),
        exited=_value(record, "exited", bool, path),
        code=_value(record, "code", int, path),
        tick_ps=_natural(record, "tick_ps", path),
        instructions=_natural(record, "instructions", path),
        open_region=None if open_region is None else _natural(record, "open_region", path),
        dumps=_natural(record, "dumps", path),
        cores=_names(record, "cores", path),
        tiles=_names(record, "tiles", path),
        meters=_names(record, "meters", path),
    )


def read_visits(folder: Path, dumps: int) -> tuple[Visit, ...]:
    """Every execution of a region, one for each of ``dumps`` dumps, in order.

    Raises:
        EngineError: The file is missing, malformed, or has another number of executions.
    """
    path = folder / REGIONS
    visits = []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        record = _object(line, f"{path}:{number}")
        visits.append(
            Visit(
                dump=_natural(record, "dump", path),
                region=_natural(record, "region", path),
                visit=_natural(record, "visit", path),
                begin_ps=_natural(record, "begin_ps", path),
                end_ps=_natural(record, "end_ps", path),
                detailed=_value(record, "detailed", bool, path),
            )
        )
    if [visit.dump for visit in visits] != list(range(dumps)):
        raise EngineError(
            f"it names {len(visits)} dumps of statistics, the run had {dumps}", where=str(path)
        )
    _check_times(visits, path)
    return tuple(visits)


def _check_times(visits: list[Visit], path: Path) -> None:
    seen: dict[int, int] = {}
    before = 0
    for visit in visits:
        if visit.visit != seen.get(visit.region, 0):
            raise EngineError(
                f"visit {visit.visit} of region {visit.region} is out of order", where=str(path)
            )
        if not before <= visit.begin_ps <= visit.end_ps:
            raise EngineError(f"the times of dump {visit.dump} go backwards", where=str(path))
        seen[visit.region] = visit.visit + 1
        before = visit.end_ps


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EngineError(
            f"gem5 left no readable {path.name}: it did not come to its end", where=str(path)
        ) from error


def _object(text: str, where: str) -> Mapping[str, object]:
    try:
        return parse_json_object(text)
    except JsonError as error:
        raise EngineError(str(error), where=where) from error


def _value(record: Mapping[str, object], key: str, kind: type[T], path: Path) -> T:
    value = record.get(key)
    if type(value) is not kind:
        raise EngineError(f"{key} is {value!r}, not of type {kind.__name__}", where=str(path))
    return value


def _natural(record: Mapping[str, object], key: str, path: Path) -> int:
    value = _value(record, key, int, path)
    if not 0 <= value <= _LONGEST:
        raise EngineError(f"{key} is {value}", where=str(path))
    return value


def _names(record: Mapping[str, object], key: str, path: Path) -> tuple[str, ...]:
    value = record.get(key)
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise EngineError(f"{key} is {value!r}, not a list of names", where=str(path))
    return tuple(value)
