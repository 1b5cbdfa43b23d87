"""The lock of a folder: one holder at a time, told by name, taken over from the dead."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.locks import folder_lock, lock_file, lock_if_free

_COUNT = """
import sys
from pathlib import Path
from harness.locks import folder_lock
target = Path(sys.argv[1])
for _ in range(int(sys.argv[2])):
    with folder_lock(target, waiting=lambda _: None):
        counter = target / "counter"
        counter.write_text(str(int(counter.read_text()) + 1))
"""
_HOLD = """
import sys, time
from pathlib import Path
from harness.locks import folder_lock
with folder_lock(Path(sys.argv[1]), waiting=print):
    print("held", flush=True)
    time.sleep(600)
"""


def silent(text: str) -> None:
    raise AssertionError(f"waits: {text}")


@contextmanager
def holder(target: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the lock of ``target``."""
    command = [sys.executable, "-c", _HOLD, str(target)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def left_behind(target: Path, *, kernel: str, silent_s: float) -> None:
    """A lock file as a holder leaves it that has not renewed it for ``silent_s``."""
    record = {"host": "elsewhere", "process": 7, "since": "today", "kernel": kernel, "token": "t"}
    lock_file(target).write_text(json.dumps(record))
    then = time.time() - silent_s
    os.utime(lock_file(target), (then, then))


@pytest.fixture
def no_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that has no flock."""

    def flock(_handle: int, _operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", flock)


def test_one_process_at_a_time(tmp_path: Path) -> None:
    target = tmp_path / "made"
    target.mkdir()
    (target / "counter").write_text("0")
    command = [sys.executable, "-c", _COUNT, str(target), "50"]
    processes = [subprocess.Popen(command) for _ in range(4)]
    assert [process.wait() for process in processes] == [0, 0, 0, 0]
    assert (target / "counter").read_text() == "200"
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_a_process_that_waits_is_told_of_the_holder(tmp_path: Path) -> None:
    heard: list[str] = []
    with holder(tmp_path / "made") as other:

        def waiting(text: str) -> None:
            heard.append(text)
            other.send_signal(signal.SIGKILL)

        with folder_lock(tmp_path / "made", waiting=waiting):
            assert other.wait() == -signal.SIGKILL  # and its lock is taken over at once
    assert len(heard) == 1
    assert f", process {other.pid}, since 20" in heard[0]
    assert heard[0].endswith(") is making this; waiting for it")
    assert not list(tmp_path.iterdir())


def test_a_lock_is_taken_only_if_free(tmp_path: Path) -> None:
    target = tmp_path / "made"
    with holder(target), lock_if_free(target) as held:
        assert not held
    with lock_if_free(target) as held:
        assert held
        with lock_if_free(target) as again:
            assert not again
    assert not list(tmp_path.iterdir())


def test_an_error_frees_the_lock(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), folder_lock(tmp_path / "made", waiting=silent):
        raise RuntimeError
    assert not list(tmp_path.iterdir())
    with folder_lock(tmp_path / "made", waiting=silent):
        pass


@pytest.mark.parametrize("content", ["", "{", "[]", '{"host": 3}', "[" * 3000])
def test_a_lock_file_without_a_record_is_taken_over(tmp_path: Path, content: str) -> None:
    lock_file(tmp_path / "made").write_text(content)
    os.utime(lock_file(tmp_path / "made"), (0, 0))
    with folder_lock(tmp_path / "made", waiting=silent):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("flock", [True, False])
def test_another_machine_holds_the_lock_while_it_renews_it(
    tmp_path: Path, flock: bool, request: pytest.FixtureRequest
) -> None:
    if not flock:
        request.getfixturevalue("no_flock")
    target = tmp_path / "made"
    left_behind(target, kernel="another", silent_s=30)
    with lock_if_free(target) as held:
        assert not held
    left_behind(target, kernel="another", silent_s=90)
    with folder_lock(target, waiting=silent):
        assert json.loads(lock_file(target).read_text())["process"] == os.getpid()
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("no_flock")
def test_without_flock_one_thread_at_a_time(tmp_path: Path) -> None:
    target = tmp_path / "made"
    inside: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        for _ in range(5):
            with folder_lock(target, waiting=lambda _: None):
                inside.append(number)
                most.append(len(inside))
                inside.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 20
    assert not list(tmp_path.iterdir())


def test_a_lock_is_renewed_while_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.locks._RENEWED_EVERY_S", 0.01)
    target = tmp_path / "made"
    with folder_lock(target, waiting=silent):
        os.utime(lock_file(target), (0, 0))
        while lock_file(target).stat().st_mtime == 0:
            time.sleep(0.01)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(HarnessError, match="cannot be locked"),
        folder_lock(tmp_path / "file" / "made", waiting=silent),
    ):
        pass
