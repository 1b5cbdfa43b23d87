"""The results of a sweep on disk, in batches; damage is detected and reported. `Store` is for the
one process that holds the sweep's lock; the functions may read at any time. If a point is in
several batches, the latest is valid. A point whose layers are lost or damaged is not finished.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from harness.atomic import sync_folder
from harness.errors import HarnessError
from harness.sweep.parts import (
    DamagedPartError,
    Part,
    list_parts,
    next_number,
    read_table,
    table_of,
    write_part,
)

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Note: TypeAlias = Callable[[str], None]

DONE: Final = "done"
FAILED: Final = "failed"
PARTS: Final = "parts"  # folder in a sweep's
_DAMAGED: Final = "damaged"  # folder in it
_MANY_PARTS: Final = 64  # then the small ones become one
_FULL_PART: Final = 2048  # points; such a part is not rewritten
_TRIES: Final = 16  # of reading while another process merges parts


@dataclass(frozen=True)
class Known:
    """A point's status in the store."""

    status: str
    attempts: int


def read_points(folder: Path, *, note: Note | None = None) -> pd.DataFrame:
    """The points of the sweep in ``folder``: `POINT_COLUMNS`, one row per identity.

    Args:
        note: Receives messages about damaged files, which are ignored; default: Python warnings.

    Raises:
        HarnessError: A file cannot be read.
    """
    points = _read_all(folder, note or _warn, None)[0]
    return _frame(points)


def read_layers(folder: Path, *, note: Note | None = None) -> pd.DataFrame:
    """The layers of the finished points in ``folder``: `LAYER_COLUMNS`; see `read_points`."""
    return _frame(_read_all(folder, note or _warn, None)[1])


_BRIEF: Final = ("identity", "status", "attempts")


class Store:
    """The results of a sweep, for the process that holds its lock.

    Args:
        folder: The sweep's.
        note: Receives messages about damaged files, which are moved away; their points are missing.

    Raises:
        HarnessError: The folder cannot be read or written.
    """

    def __init__(self, folder: Path, note: Note) -> None:
        self._parts = folder / PARTS
        self._note = note
        try:
            self._parts.mkdir(parents=True, exist_ok=True)
            self._remove_leftovers()
            self._set_damaged_aside()
            self._next = next_number(self._parts)
            # Points of every batch, oldest first.
            self._sizes = [
                (part, read_table(part.points, "points", ("identity",)).num_rows)
                for part in list_parts(self._parts)
            ]
        except OSError as error:
            raise _unreadable(self._parts, error) from error
        self.known = _known(_read_all(folder, note, _BRIEF)[0])

    def write(self, points: Sequence[dict[str, Any]], layers: Sequence[dict[str, Any]]) -> None:
        """Write a batch of points and their layers; it survives a kill and a power failure.

        Raises:
            HarnessError: It cannot be written, e.g. the disk is full.
        """
        if not points:
            return
        self._add(table_of("points", points), table_of("layers", layers))
        for point in points:
            self.known[point["identity"]] = Known(point["status"], point["attempts"])
        if len(self._sizes) > _MANY_PARTS:
            self.compact()

    def compact(self) -> None:
        """Merge the latest small batches into one.

        The merged batch is written before the others are deleted; after a kill in between, both
        exist.

        Raises:
            HarnessError: It cannot be written.
        """
        small: list[tuple[Part, int]] = []
        for part, size in reversed(self._sizes):
            if size >= _FULL_PART:
                break
            small.insert(0, (part, size))
        if len(small) < 2:
            return
        merged = [part for part, _ in small]
        points, layers = _latest(self._read(merged))
        self._sizes = self._sizes[: -len(small)]
        self._add(points, layers)
        self._remove([path for part in merged for path in part.paths])

    def _add(self, points: pa.Table, layers: pa.Table) -> None:
        part = write_part(self._parts, self._next, points, layers)
        self._next += 1
        self._sizes.append((part, points.num_rows))

    def _read(self, parts: Sequence[Part]) -> list[tuple[pa.Table, pa.Table]]:
        try:
            return [_read_part(part, None) for part in parts]
        except DamagedPartError as error:
            raise HarnessError(
                f"a file of results was damaged while the sweep ran: {error}",
                where=str(self._parts),
                hint="run the sweep again: only the lost points are measured",
            ) from error
        except OSError as error:
            raise _unreadable(self._parts, error) from error

    def _remove(self, paths: Sequence[Path]) -> None:
        for path in paths:
            path.unlink(missing_ok=True)
        with suppress(OSError):
            sync_folder(self._parts)

    def _remove_leftovers(self) -> None:
        """Remove leftovers of a killed process: unfinished files, layers without points."""
        counted = {path for part in list_parts(self._parts) for path in part.paths}
        left = [path for path in self._parts.glob("layers-*.parquet") if path not in counted]
        self._remove([*self._parts.glob(".*.tmp"), *left])

    def _set_damaged_aside(self) -> None:
        for part in list_parts(self._parts):
            try:
                _read_part(part, _BRIEF)
            except DamagedPartError as error:
                aside = self._parts / _DAMAGED
                aside.mkdir(exist_ok=True)
                for path in part.paths:
                    path.replace(aside / path.name)
                self._note(f"{error}; moved to {aside}, and its points are run again")


def _read_all(folder: Path, note: Note, columns: Sequence[str] | None) -> tuple[pa.Table, pa.Table]:
    """The latest rows of all points, and the layers of finished points."""
    parts = folder / PARTS
    try:
        for _ in range(_TRIES):
            damaged: list[str] = []
            found: list[tuple[pa.Table, pa.Table]] = []
            try:
                for part in list_parts(parts):
                    try:
                        found.append(_read_part(part, columns))
                    except DamagedPartError as error:
                        damaged.append(str(error))
            except FileNotFoundError:
                continue  # merged into another part meanwhile
            for text in damaged:
                note(f"{text}; it is ignored: run the sweep again, and its points are measured")
            return _latest(found)
    except OSError as error:
        raise _unreadable(parts, error) from error
    raise HarnessError("the results change too fast to be read", where=str(parts), hint="try again")


def _read_part(part: Part, columns: Sequence[str] | None) -> tuple[pa.Table, pa.Table]:
    """Points and layers of a batch; with ``columns`` only the layers' identities.

    Raises:
        DamagedPartError: One of the files is damaged or missing; the text names it.
        OSError: A file cannot be read.
    """
    if part.layers is None:
        raise DamagedPartError(f"{part.points}: the file of its layers is missing")
    path = part.points
    try:
        points = read_table(path, "points", columns)
        path = part.layers
        layers = read_table(path, "layers", None if columns is None else ("identity",))
    except DamagedPartError as error:
        raise DamagedPartError(f"{path}: the file is damaged: {error}") from error
    return points, layers


def _latest(batches: Sequence[tuple[pa.Table, pa.Table]]) -> tuple[pa.Table, pa.Table]:
    """All rows of ``batches``, oldest first; of each point only the rows of its latest batch."""
    import pyarrow as pa

    latest: dict[str, int] = {}
    names = [points["identity"].to_pylist() for points, _ in batches]
    for number, identities in enumerate(names):
        latest.update(dict.fromkeys(identities, number))
    kept = []
    for number, (batch, identities) in enumerate(zip(batches, names, strict=True)):
        stale = {identity for identity in identities if latest[identity] != number}
        kept.append(tuple(_without(table, stale) for table in batch))
    empty = (table_of("points", ()), table_of("layers", ()))
    if not kept:
        return empty
    return pa.concat_tables([pair[0] for pair in kept]), pa.concat_tables(
        [pair[1] for pair in kept]
    )


def _without(table: pa.Table, identities: set[str]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not identities:
        return table
    stale = pc.is_in(table["identity"], value_set=pa.array(sorted(identities), pa.string()))
    return table.filter(pc.invert(stale))


def _known(points: pa.Table) -> dict[str, Known]:
    rows = zip(*(points[name].to_pylist() for name in _BRIEF), strict=True)
    return {identity: Known(status, attempts) for identity, status, attempts in rows}


def _frame(table: pa.Table) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    whole = {pa.int64(): pd.Int64Dtype()}
    frame: pd.DataFrame = table.to_pandas(types_mapper=whole.get)
    return frame


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=4)


def _unreadable(where: Path, error: OSError) -> HarnessError:
    return HarnessError(
        f"the results of the sweep cannot be read or written: {error.strerror or error}",
        where=str(error.filename or where),
        hint="check free space and permissions of the folder",
    )
