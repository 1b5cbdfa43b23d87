"""The cache's size, what goes first, and what is cleared."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from harness.cache.folder import DEFAULT_LIMIT_GIB, KINDS, limit_bytes
from harness.cache.room import clear, entries, make_room
from harness.cache.sealed import SEALED, copy_out, publish_bytes, read_entry
from harness.errors import ConfigError

DAY_S = 86_400.0


def entry(cache: Path, name: str, *, kind: str = "simulations", age_s: float = 0.0) -> Path:
    """An entry of 100 bytes that was used ``age_s`` ago."""
    path = cache / kind / f"{name}{SEALED}"
    publish_bytes(bytes(68), path, cache / "tmp")
    used_s = time.time() - age_s
    os.utime(path, (used_s, used_s))
    return path


def names(cache: Path) -> set[str]:
    return {found.path.name.removesuffix(SEALED) for found in entries(cache)}


def test_entries_have_kind_size_and_last_use(tmp_path: Path) -> None:
    assert entries(tmp_path / "missing") == []
    path = entry(tmp_path, "a", kind="programs", age_s=50)
    (tmp_path / "programs" / "foreign.txt").write_text("not ours")
    (found,) = entries(tmp_path)
    assert (found.path, found.kind, found.size_bytes) == (path, "programs", 100)
    assert abs(time.time() - 50 - found.used_s) < 5


def test_the_longest_unused_entries_of_any_kind_go_first(tmp_path: Path) -> None:
    for age, kind in enumerate(KINDS):
        entry(tmp_path, f"new {kind}", kind=kind, age_s=age)
        entry(tmp_path, f"old {kind}", kind=kind, age_s=100 + age)
    oldest, count = f"old {list(KINDS)[-1]}", 2 * len(KINDS)
    make_room(tmp_path, 100 * count)
    assert len(names(tmp_path)) == count
    make_room(tmp_path, 100 * count - 1)
    assert len(names(tmp_path)) == count - 1 and oldest not in names(tmp_path)
    make_room(tmp_path, 100 * len(KINDS))
    assert names(tmp_path) == {f"new {kind}" for kind in KINDS}
    make_room(tmp_path, 0)
    assert names(tmp_path) == set()


def test_a_use_saves_an_entry(tmp_path: Path) -> None:
    copied = entry(tmp_path, "copied", kind="programs", age_s=30)
    read = entry(tmp_path, "read", age_s=20)
    entry(tmp_path, "unused", age_s=10)
    assert copy_out(copied, tmp_path / "out", note=print)
    assert read_entry(read, note=print) == bytes(68)
    make_room(tmp_path, 200)
    assert names(tmp_path) == {"copied", "read"}


def test_an_open_entry_outlives_its_removal(tmp_path: Path) -> None:
    path = entry(tmp_path, "a")
    with path.open("rb") as stream:
        make_room(tmp_path, 0)
        assert len(stream.read()) == 100
    assert read_entry(path, note=print) is None
    assert not copy_out(path, tmp_path / "out", note=print)


def test_an_entry_that_cannot_be_deleted_stops_nothing(tmp_path: Path) -> None:
    stuck = entry(tmp_path, "stuck")
    stuck.unlink()
    stuck.mkdir()  # unlinking a folder fails for every user
    os.utime(stuck, (0, 0))
    entry(tmp_path, "old", age_s=50)
    entry(tmp_path, "new")
    make_room(tmp_path, 100)
    assert names(tmp_path) == {"stuck"}


def test_what_killed_processes_left_goes_after_a_day(tmp_path: Path) -> None:
    entry(tmp_path, "a")
    left = [tmp_path / "simulations" / name for name in (".a.lock", ".a.sealed.0123.tmp")]
    for path in left:
        path.touch()
    make_room(tmp_path, 1000)
    assert all(path.exists() for path in left)
    for path in left:
        os.utime(path, (time.time() - 2 * DAY_S,) * 2)
    make_room(tmp_path, 1000)
    assert not any(path.exists() for path in left)
    assert names(tmp_path) == {"a"}


def test_clearing_by_age(tmp_path: Path) -> None:
    for days in (1, 3, 5):
        entry(tmp_path, str(days), age_s=days * DAY_S)
    gone = clear(tmp_path, unused_s=2 * DAY_S)
    assert {found.path.name for found in gone} == {f"{days}{SEALED}" for days in (3, 5)}
    assert names(tmp_path) == {"1"}
    assert len(clear(tmp_path)) == 1
    assert names(tmp_path) == set()


def test_the_limit_is_a_number_of_gib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIMC_CACHE_GIB", raising=False)
    assert limit_bytes() == DEFAULT_LIMIT_GIB * 2**30
    for text, expected in (("", DEFAULT_LIMIT_GIB * 2**30), ("0", 0), ("0.5", 2**29)):
        monkeypatch.setenv("AIMC_CACHE_GIB", text)
        assert limit_bytes() == expected
    for text in ("four", "-1", "nan", "inf", "1e400", "4 GiB"):
        monkeypatch.setenv("AIMC_CACHE_GIB", text)
        with pytest.raises(ConfigError, match="AIMC_CACHE_GIB"):
            limit_bytes()
