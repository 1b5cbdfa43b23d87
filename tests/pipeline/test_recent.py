"""What a process remembers: bounded, and never of something else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from harness import file_digests
from harness.errors import HarnessError
from harness.file_digests import file_digest
from harness.recent import Recent


class Made:
    """Makes values and counts how often."""

    def __init__(self) -> None:
        self.keys: list[str] = []

    def of(self, recent: Recent[int], key: str, size: int = 1) -> int:
        def make() -> int:
            self.keys.append(key)
            return size

        return recent.get(key, make)


def test_a_value_is_made_once_until_it_is_forgotten() -> None:
    recent, made = Recent[int](2), Made()
    for key in ("a", "b", "a", "c", "a", "b"):
        made.of(recent, key)
    assert made.keys == ["a", "b", "c", "b"]


def test_sizes_count_and_the_last_value_stays_whatever_its_size() -> None:
    recent, made = Recent[int](10, lambda size: size), Made()
    for key, size in (("a", 4), ("b", 6), ("a", 4), ("huge", 99), ("huge", 99), ("a", 4)):
        made.of(recent, key, size)
    assert made.keys == ["a", "b", "huge", "a"]


def test_what_exceeds_the_limit_is_gone_while_the_next_is_made() -> None:
    recent, made = Recent[int](10, lambda size: size), Made()
    made.of(recent, "huge", 99)
    recent.get("next", lambda: made.of(recent, "huge", 1))
    assert made.keys == ["huge", "huge"]


def test_a_failure_is_not_remembered() -> None:
    recent = Recent[int](10)
    with pytest.raises(ZeroDivisionError):
        recent.get("a", lambda: 1 // 0)
    assert recent.get("a", lambda: 7) == 7


def test_a_files_digest_follows_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    seen = set()
    for text in ("one", "two", "six"):  # of one size, and written within one tick of a clock
        path.write_text(text)
        seen.add(file_digest(path))
    assert len(seen) == 3
    read: list[Path] = []
    real = file_digests.sha256_file
    monkeypatch.setattr(file_digests, "sha256_file", lambda p: read.append(p) or real(p))
    monkeypatch.setattr(time, "time", lambda now=time.time: now() + 10)
    assert file_digest(path) == file_digest(path)
    assert len(read) == 1
    monkeypatch.undo()
    before = path.stat()
    path.write_text("new")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # as if nothing had happened
    assert file_digest(path) not in seen
    with pytest.raises(HarnessError, match="cannot be read"):
        file_digest(tmp_path / "missing")
