"""The store of a sweep's results: whole after every kill, and damage is told."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.sweep.columns import LAYER_COLUMNS, POINT_COLUMNS
from harness.sweep.parts import list_parts
from harness.sweep.store import DONE, PARTS, Store, read_layers, read_points
from tests.sweep.sweeps import layer_row, point_row


def _silent(text: str) -> None:
    raise AssertionError(text)


def done(folder: Path, note: Callable[[str], None] = _silent) -> set[str]:
    """The identities of the finished points in ``folder``."""
    points = read_points(folder, note=note)
    return set(points.loc[points["status"] == DONE, "identity"])


def _filled(folder: Path, *, batches: int, size: int = 3) -> Store:
    store = Store(folder, _silent)
    for batch in range(batches):
        _write(store, [f"{batch}-{number}" for number in range(size)])
    return store


def _write(store: Store, identities: list[str], **values: object) -> None:
    layers = [layer_row(identity, name) for identity in identities for name in ("fc1", "fc2")]
    store.write([point_row(identity, **values) for identity in identities], layers)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    store = Store(tmp_path, _silent)
    point = point_row("a", speed_up=2.5, tiles=7, network="mlp", config="system:\n  name: x\n")
    failed = point_row("b", status="failed", error="no", attempts=2)
    store.write([point, failed], [layer_row("a", "fc1", why_digital="too large")])
    points, layers = read_points(tmp_path), read_layers(tmp_path)
    assert list(points.columns) == [column.name for column in POINT_COLUMNS]
    assert list(layers.columns) == [column.name for column in LAYER_COLUMNS]
    by_name = points.set_index("identity")
    assert by_name.loc["a", list(point)[1:]].to_dict() == {
        key: value for key, value in point.items() if key != "identity"
    }
    assert pd.isna(by_name.loc["b", "speed_up"]) and pd.isna(by_name.loc["b", "tiles"])
    assert layers.loc[0, "why_digital"] == "too large"
    assert done(tmp_path) == {"a"}


def test_an_empty_store_has_all_columns(tmp_path: Path) -> None:
    assert list(read_points(tmp_path / "none").columns) == [c.name for c in POINT_COLUMNS]
    assert read_layers(tmp_path / "none").empty and done(tmp_path / "none") == set()


def test_many_batches_become_few_and_keep_all(tmp_path: Path) -> None:
    store = _filled(tmp_path, batches=70)
    assert len(list_parts(tmp_path / PARTS)) <= 64
    store.compact()
    assert len(list_parts(tmp_path / PARTS)) == 1
    assert len(read_points(tmp_path)) == 210 and len(read_layers(tmp_path)) == 420
    assert len(Store(tmp_path, _silent).known) == 210


def test_large_batches_are_not_rewritten(tmp_path: Path) -> None:
    store = Store(tmp_path, _silent)
    _write(store, [str(number) for number in range(2048)])
    (large,) = list_parts(tmp_path / PARTS)
    _write(store, ["a"])
    _write(store, ["b"])
    store.compact()
    assert large in list_parts(tmp_path / PARTS)
    assert len(list_parts(tmp_path / PARTS)) == 2 and len(read_points(tmp_path)) == 2050


def test_the_latest_batch_of_a_point_counts(tmp_path: Path) -> None:
    store = Store(tmp_path, _silent)
    store.write([point_row("a", status="failed"), point_row("b")], [layer_row("b", "fc1")])
    _write(store, ["a"], attempts=2)
    for _ in range(2):
        points = read_points(tmp_path).set_index("identity")
        assert points.loc["a", "attempts"] == 2 and points.loc["a", "status"] == "done"
        assert sorted(read_layers(tmp_path)["identity"]) == ["a", "a", "b"]
        store.compact()


def test_killed_between_merging_and_removing_nothing_counts_twice(tmp_path: Path) -> None:
    store = _filled(tmp_path / "sweep", batches=5)
    shutil.copytree(tmp_path / "sweep" / PARTS, tmp_path / "old")
    store.compact()
    shutil.copytree(tmp_path / "old", tmp_path / "sweep" / PARTS, dirs_exist_ok=True)
    assert len(read_points(tmp_path / "sweep")) == 15
    assert len(read_layers(tmp_path / "sweep")) == 30
    Store(tmp_path / "sweep", _silent).compact()
    assert len(list_parts(tmp_path / "sweep" / PARTS)) == 1
    assert len(read_points(tmp_path / "sweep")) == 15


def test_killed_while_writing_leaves_nothing(tmp_path: Path) -> None:
    _filled(tmp_path, batches=2)
    parts = tmp_path / PARTS
    last = list_parts(parts)[-1]
    last.points.unlink()  # its layers were written, the points not yet
    (parts / f".{last.points.name}.0123.tmp").write_bytes(b"PAR1")
    assert len(read_points(tmp_path)) == 3 and len(read_layers(tmp_path)) == 6
    store = Store(tmp_path, _silent)
    _write(store, ["new"])
    assert len(read_layers(tmp_path)) == 8
    assert len(list(parts.iterdir())) == 4


@pytest.mark.parametrize("table", ["points", "layers"])
@pytest.mark.parametrize("damage", ["a bit", "truncated", "empty", "gone"])
def test_damage_is_told_and_its_points_run_again(tmp_path: Path, table: str, damage: str) -> None:
    _filled(tmp_path, batches=3)
    parts = tmp_path / PARTS
    second = list_parts(parts)[1]
    path = second.points if table == "points" else second.layers
    assert path is not None
    if damage == "gone":
        path.unlink()
    else:
        data = bytearray(path.read_bytes())
        place = random.Random(damage + table).randrange(len(data))
        data[place] ^= 1 << (place % 8)
        left = {"a bit": len(data), "truncated": len(data) // 2, "empty": 0}[damage]
        path.write_bytes(data[:left])
    heard: list[str] = []
    assert "1-0" not in set(read_points(tmp_path, note=heard.append)["identity"])
    assert "1-0" not in done(tmp_path, heard.append)
    if (table, damage) == ("points", "gone"):  # as if they had not been written
        assert not heard
        assert "1-0" not in Store(tmp_path, heard.append).known
        return
    assert all(path.name in text or second.points.name in text for text in heard)
    assert len(heard) == 2
    with pytest.warns(UserWarning, match=r"run the sweep again"):
        read_layers(tmp_path)
    store = Store(tmp_path, heard.append)
    assert len(heard) == 3 and "1-0" not in store.known and len(store.known) == 6
    _write(store, ["1-0"])
    assert len(read_points(tmp_path, note=_silent)) == 7


def test_a_file_of_another_program_is_no_part(tmp_path: Path) -> None:
    _filled(tmp_path, batches=1)
    foreign = tmp_path / PARTS / "points-notes.parquet"
    foreign.write_bytes(b"mine")
    assert len(read_points(tmp_path, note=_silent)) == 3
    Store(tmp_path, _silent).compact()
    assert foreign.read_bytes() == b"mine"


def test_columns_that_an_earlier_version_lacks_are_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = tuple(column for column in POINT_COLUMNS if column.name != "tiles_wanted")
    with monkeypatch.context() as patch:
        patch.setitem(__import__("harness.sweep.parts").sweep.parts.COLUMNS, "points", earlier)
        _filled(tmp_path, batches=1)
    points = read_points(tmp_path, note=_silent)
    assert len(points) == 3 and points["tiles_wanted"].isna().all()


def test_reading_while_batches_are_merged_never_sees_less(tmp_path: Path) -> None:
    store = _filled(tmp_path, batches=1)
    ended = threading.Event()
    seen: list[int] = []

    def read() -> None:
        while not ended.is_set():
            seen.append(len(done(tmp_path)))

    reader = threading.Thread(target=read)
    reader.start()
    for batch in range(1, 40):
        _write(store, [f"{batch}-{number}" for number in range(3)])
        store.compact()
    ended.set()
    reader.join()
    assert seen == sorted(seen) and seen[0] >= 3


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of half a megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small file system needs root and the right to mount")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_is_told_and_loses_nothing(small_disk: Path) -> None:
    store = Store(small_disk / "sweep", _silent)
    noise = random.Random(1)
    written = 0
    with pytest.raises(HarnessError, match=r"No space left on device"):
        for _ in range(1000):
            _write(store, [str(written)], config=noise.randbytes(8192).hex())
            written += 1
    assert 5 < written < 100
    assert len(read_points(small_disk / "sweep", note=_silent)) == written
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    store = Store(small_disk / "sweep", _silent)
    assert len(store.known) == written
    _write(store, ["last"])
    store.compact()
    assert len(read_points(small_disk / "sweep", note=_silent)) == written + 1
