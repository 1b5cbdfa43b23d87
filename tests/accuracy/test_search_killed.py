"""A search of lenet5 that is killed again and again ends as one that is not."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from harness.accuracy.run import Found, find_mapping
from harness.accuracy.state import STATE_FILE
from harness.config.load import load_loop_config
from harness.errors import DataError
from tests.accuracy.searches import QUICK, Silent, files, run_config

SETTINGS = (*QUICK, "search.warmup_epochs=1.2")
ARGUMENTS = ["map", "lenet5", "--drop", "2.0", "--threads", "1", "--out", "m"]
for _setting in SETTINGS:
    ARGUMENTS += ["--set", _setting]


def find(out: Path, threads: int = 1) -> Found:
    return find_mapping(
        run_config("lenet5"),
        load_loop_config(overrides=[*SETTINGS, "search.drop_points=2.0"]),
        out,
        command=["aimc", *ARGUMENTS],
        reporter=Silent(),
        threads=threads,
    )


def find_until_killed(out: Path, renames: int, after: bool) -> None:
    """Search; at the given rename of a file, just before or after it, SIGKILL."""
    rename, count = Path.replace, 0

    def counted(self: Path, target: Path) -> Path:
        nonlocal count
        count += 1
        if count == renames and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        moved = rename(self, target)
        if count == renames and after:
            os.kill(os.getpid(), signal.SIGKILL)
        return moved

    Path.replace = counted  # type: ignore[method-assign, assignment]
    find(out)


@pytest.fixture(scope="module")
def server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "harness.accuracy.run"])
    return context


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return find(tmp_path_factory.mktemp("whole") / "m")


def test_killed_at_many_points_it_ends_with_the_same_files(
    whole: Found, tmp_path: Path, server: ForkServerContext
) -> None:
    """Each process lives for some renames more than the last: all files are renamed into place."""
    out = tmp_path / "m"
    for kills in range(40):
        process = server.Process(
            target=find_until_killed, args=(out, 3 + 2 * kills, kills % 2 == 1)
        )
        process.start()
        process.join(120)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        assert out.exists() or (tmp_path / "m.search").exists()
    assert kills >= 4
    assert files(out) == files(whole.folder)
    assert {path.name for path in tmp_path.iterdir()} == {"m"}


def test_interrupted_on_the_command_line(whole: Found, tmp_path: Path) -> None:
    state = tmp_path / "m.search" / STATE_FILE

    def steps() -> int:
        return len(json.loads(state.read_text())["steps"]) if state.exists() else -1

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "harness.cli.main", *ARGUMENTS]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
        return subprocess.Popen(
            command, cwd=tmp_path, env=environment, text=True, stderr=subprocess.PIPE
        )

    process = start()
    while steps() < 2 and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "goes on from the last decision" in errors
    assert "Traceback" not in errors
    assert steps() >= 2
    process = start()
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0
    assert "(from the state)" in errors
    assert files(tmp_path / "m") == files(whole.folder)


def test_other_settings_do_not_go_on_with_it(tmp_path: Path, server: ForkServerContext) -> None:
    process = server.Process(target=find_until_killed, args=(tmp_path / "m", 6, True))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    with pytest.raises(DataError, match="other settings"):
        find(tmp_path / "m", threads=2)
