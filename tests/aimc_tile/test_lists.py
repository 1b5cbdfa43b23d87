"""The lists in the tile's headers against the documentation and the stubs."""

from __future__ import annotations

import ast
from itertools import pairwise
from pathlib import Path

from harness import _headers
from harness._tile import Tile
from harness.engines.events import ALL_EVENTS, TILE_EVENTS

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "tile-device.md"


def register_table() -> str:
    """The table of registers and windows in docs/tile-device.md."""
    rows = ["| offset | register | size | access | |", "|---|---|---|---|---|"]
    for name, offset, size, access, what in _headers.TILE_REGISTERS:
        unit = f"{size >> 10} KiB" if size >= 1024 else f"{8 * size} bits"
        rows.append(f"| `{offset:#05x}` | `{name}` | {unit} | {access} | {what} |")
    return "\n".join(rows)


def error_table() -> str:
    """The table of error kinds in docs/tile-device.md."""
    rows = ["| bit | kind | when |", "|---|---|---|"]
    for bit, (name, what) in enumerate(_headers.TILE_ERRORS):
        rows.append(f"| {bit} | {name.lower().replace('_', '-')} | {what} |")
    return "\n".join(rows)


def test_docs_have_the_registers_of_the_header() -> None:
    assert f"\n\n{register_table()}\n\n" in DOCS.read_text(encoding="utf-8"), (
        f"docs/tile-device.md needs this table:\n{register_table()}"
    )


def test_docs_have_the_error_kinds_of_the_header() -> None:
    assert f"\n\n{error_table()}\n\n" in DOCS.read_text(encoding="utf-8"), (
        f"docs/tile-device.md needs this table:\n{error_table()}"
    )


def test_registers_are_in_order_and_apart() -> None:
    offsets = [(offset, offset + size) for _, offset, size, _, _ in _headers.TILE_REGISTERS]
    assert all(end <= start for (_, end), (start, _) in pairwise(offsets))
    assert offsets[-1][1] <= _headers.AIMC_TILE_WINDOW


def test_error_bits_are_in_the_order_of_the_list() -> None:
    names = [name for name, _ in _headers.TILE_ERRORS]
    assert len(names) == _headers.AIMC_ERROR_KINDS
    bits = [getattr(_headers, f"AIMC_ERROR_{name}") for name in names]
    assert bits == [1 << bit for bit in range(len(names))]


def test_tile_events_are_those_of_the_vocabulary() -> None:
    assert tuple(_headers.GEM5_TILE_EVENTS) == TILE_EVENTS


def test_engine_events_are_the_vocabulary() -> None:
    from harness.engines.embedded import _engine

    assert _engine.EVENTS == ALL_EVENTS


def test_the_stub_names_every_statistic() -> None:
    module = ast.parse((ROOT / "harness" / "_tile.pyi").read_text(encoding="utf-8"))
    (stub,) = (
        node for node in module.body if isinstance(node, ast.ClassDef) and node.name == "Statistics"
    )
    fields = [
        node.target.id
        for node in stub.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    ]
    assert fields == list(Tile(rows=1, columns=1).statistics())
