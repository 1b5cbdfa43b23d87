"""One batch of a sweep's results on disk: a file of points and a file of their layers.

The files of batch 12 are ``points-00000012-DIGEST.parquet`` and ``layers-00000012-DIGEST.parquet``;
DIGEST is the start of the content's SHA-256, by which damage is detected. The layers are written
first: a batch is valid once its points exist.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from harness.atomic import atomic_write_bytes
from harness.digest import sha256_of
from harness.reading import read_regular
from harness.sweep.columns import LAYER_COLUMNS, POINT_COLUMNS, Column

if TYPE_CHECKING:
    import pyarrow as pa

Table: TypeAlias = Literal["points", "layers"]

COLUMNS: Final[dict[Table, tuple[Column, ...]]] = {
    "points": POINT_COLUMNS,
    "layers": LAYER_COLUMNS,
}
_DIGEST_DIGITS: Final = 32
_NAME: Final = re.compile(r"(points|layers)-(\d{8,12})-([0-9a-f]{32})\.parquet")
_LARGEST_BYTES: Final = 1 << 30


class DamagedPartError(Exception):
    """A part's file has changed since it was written; the text has the reason."""


@dataclass(frozen=True, order=True)
class Part:
    """A batch by its number; later batches have larger ones."""

    number: int
    points: Path
    layers: Path | None  # None: its file is gone

    @property
    def paths(self) -> tuple[Path, ...]:
        """The points first: without them the layers are ignored."""
        return (self.points,) if self.layers is None else (self.points, self.layers)


def list_parts(folder: Path) -> list[Part]:
    """The batches in ``folder``, earlier ones first; none if it is missing."""
    points: dict[int, Path] = {}
    layers: dict[int, Path] = {}
    for path in folder.glob("*.parquet"):
        if named := _NAME.fullmatch(path.name):
            (points if named[1] == "points" else layers)[int(named[2])] = path
    return [Part(number, points[number], layers.get(number)) for number in sorted(points)]


def next_number(folder: Path) -> int:
    """The number of the next batch."""
    named = (_NAME.fullmatch(path.name) for path in folder.glob("*.parquet"))
    return max((int(name[2]) for name in named if name), default=0) + 1


def write_part(folder: Path, number: int, points: pa.Table, layers: pa.Table) -> Part:
    """Write a batch; after a kill at any moment it exists as a whole or not at all.

    Raises:
        HarnessError: It cannot be written, e.g. the disk is full.
    """
    layers_path = _write(folder, "layers", number, layers)
    return Part(number, _write(folder, "points", number, points), layers_path)


def table_of(table: Table, rows: Sequence[dict[str, Any]]) -> pa.Table:
    """``rows`` as an Arrow table of the table's columns; missing values are empty."""
    import pyarrow as pa

    return pa.Table.from_pylist(list(rows), schema=schema(table))


def schema(table: Table) -> pa.Schema:
    """The Arrow schema of a table."""
    import pyarrow as pa

    kinds = {"text": pa.string(), "int": pa.int64(), "float": pa.float64()}
    return pa.schema(
        [pa.field(column.name, kinds[column.kind], not column.needed) for column in COLUMNS[table]]
    )


def read_table(path: Path, table: Table, columns: Iterable[str] | None = None) -> pa.Table:
    """The content of a part's file, or ``columns`` of it.

    Columns missing in the file, which an earlier version wrote, are empty.

    Raises:
        DamagedPartError: The file's content has changed since it was written.
        FileNotFoundError: It does not exist.
        OSError: It cannot be read.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    data = read_regular(path, _LARGEST_BYTES)
    if not path.stem.endswith(_digest(data)):
        raise DamagedPartError("its content does not have the checksum in its name")
    wanted = schema(table)
    if columns is not None:
        wanted = pa.schema([wanted.field(name) for name in columns])
    try:
        file = pq.ParquetFile(io.BytesIO(data))
        there = set(file.schema_arrow.names)
        found = file.read(columns=[name for name in wanted.names if name in there])
        return pa.table(
            {
                field.name: found[field.name]
                if field.name in there
                else pa.nulls(found.num_rows, field.type)
                for field in wanted
            }
        ).cast(wanted)
    except (pa.ArrowException, ValueError) as error:
        raise DamagedPartError(f"it is no table of {table}: {error}") from error


def _write(folder: Path, table: Table, number: int, content: pa.Table) -> Path:
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(content, sink, compression="zstd", write_statistics=False)
    data = sink.getvalue()
    path = folder / f"{table}-{number:08d}-{_digest(data)}.parquet"
    atomic_write_bytes(path, data)
    return path


def _digest(data: bytes) -> str:
    return sha256_of(data)[:_DIGEST_DIGITS]
