"""A sealed folder tells which of its files are no longer what they were."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.checksums import CHECKSUMS_FILE, damage, seal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "table.csv").write_text("layer,time\n")
    (tmp_path / "src/main.c").write_bytes(bytes(3_000_000))
    seal(tmp_path)
    return tmp_path


def test_a_sealed_folder_is_whole(folder: Path) -> None:
    assert damage(folder) == []
    seal(folder)
    assert damage(folder) == []


def test_one_flipped_bit_is_found(folder: Path) -> None:
    data = bytearray((folder / "src/main.c").read_bytes())
    data[2_500_000] ^= 4
    (folder / "src/main.c").write_bytes(data)
    assert damage(folder) == ["src/main.c has changed"]


def test_missing_files_and_other_things_in_their_place_are_found(folder: Path) -> None:
    (folder / "table.csv").unlink()
    assert damage(folder) == ["table.csv is missing"]
    (folder / "table.csv").mkdir()
    assert damage(folder) == ["table.csv is missing"]
    (folder / "table.csv").rmdir()
    os.mkfifo(folder / "table.csv")
    assert damage(folder) == ["table.csv is missing"]


def test_what_a_user_adds_is_no_damage(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    assert damage(folder) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"table.csv": 1}', b"[" * 100_000, b"\xff\xfe", b'{"a": "\\ud800"'],
)
def test_a_damaged_list_of_checksums_is_damage(folder: Path, content: bytes) -> None:
    (folder / CHECKSUMS_FILE).write_bytes(content)
    assert damage(folder) == [f"{CHECKSUMS_FILE} is missing or damaged"]


def test_a_name_that_no_file_can_have_is_damage(folder: Path) -> None:
    (folder / CHECKSUMS_FILE).write_text('{"a\\u0000b": "00"}')
    assert damage(folder) in (["a\0b is missing"], ["a\0b cannot be read"])
