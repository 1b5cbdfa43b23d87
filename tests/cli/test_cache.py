"""`aimc cache` as a user meets it, with what a run has kept."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aimc.cli.app import app
from harness.cache.folder import cache_dir
from harness.cache.room import Entry, entries
from harness.cache.sealed import SEALED, publish_bytes
from harness.errors import ConfigError, HarnessError

DAY_S = 86_400.0


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with two old simulations and one new program of 3 MiB."""
    folder = tmp_path / "kept"
    monkeypatch.setenv("AIMC_CACHE", str(folder))
    monkeypatch.setenv("AIMC_CACHE_GIB", "1.5")
    sizes = {"simulations/a": 968, "simulations/b": 968, "programs/c": (3 << 20) - 32}
    for name, size in sizes.items():
        path = folder / f"{name}{SEALED}"
        publish_bytes(bytes(size), path, folder / "tmp")
        if name.startswith("simulations"):
            os.utime(path, (time.time() - 40 * DAY_S,) * 2)
    return folder


def aimc(*arguments: str) -> list[str]:
    result = CliRunner().invoke(app, ["cache", *arguments])
    if result.exception is not None:
        raise result.exception
    return [line.strip() for line in result.output.splitlines()]


def row(lines: list[str], title: str) -> list[str]:
    (line,) = (line for line in lines if line.startswith(title))
    return line.removeprefix(title).split()


def test_the_table_has_every_kind_and_the_limit(kept: Path) -> None:
    lines = aimc()
    assert row(lines, "compiled kernels") == ["0", "0.0", "KiB", "-", "-"]
    assert row(lines, "compiled programs")[:3] == ["1", "3.0", "MiB"]
    count, size, unit, *times = row(lines, "simulations")
    assert (count, size, unit) == ("2", "2.0", "KiB")
    assert times == [
        time.strftime("%Y-%m-%d", time.localtime(time.time() - 40 * DAY_S)),
        *times[1:],
    ]
    assert row(lines, "total")[:3] == ["3", "3.0", "MiB"]
    assert f"limit 1.50 GiB (AIMC_CACHE_GIB); folder {kept} (AIMC_CACHE)" in lines


def test_clearing_takes_what_is_old_or_all(kept: Path) -> None:
    assert aimc("clear", "--older-than", "41") == [f"Removed 0 entries of 0.0 KiB from {kept}"]
    assert aimc("clear", "--older-than", "39.5") == [f"Removed 2 entries of 2.0 KiB from {kept}"]
    assert aimc("clear") == [f"Removed 1 entry of 3.0 MiB from {kept}"]
    assert entries(kept) == []


def test_a_missing_folder_is_an_empty_one(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMC_CACHE", str(kept / "missing"))
    assert row(aimc(), "total") == ["0", "0.0", "KiB", "-", "-"]
    assert aimc("clear")[0].startswith("Removed 0 entries")
    assert not (kept / "missing").exists()


def test_a_limit_that_is_no_number_is_refused(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMC_CACHE_GIB", "much")
    with pytest.raises(ConfigError, match="not a number of GiB"):
        aimc()
    assert len(entries(kept)) == 3


def test_what_cannot_be_removed_is_an_error(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first: Entry = entries(kept)[0]
    first.path.unlink()
    first.path.mkdir()  # unlinking a folder fails for every user
    with pytest.raises(HarnessError, match="cannot be removed"):
        aimc("clear")
    monkeypatch.delenv("AIMC_CACHE")
    assert cache_dir() != kept
