"""A search of lenet5 that is killed again and again ends as one that is not."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from harness.accuracy.run import Found, find_mapping, find_mappings
from harness.accuracy.state import STATE_FILE
from harness.config.load import load_loop_config
from harness.errors import DataError
from tests.accuracy.searches import QUICK, files, run_config
from tests.heard import Heard

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
        progress=Heard(),
        threads=threads,
    )


BOUNDS = (0.3, 2.0, 5.0)


def find_several(folder: Path) -> list[Found]:
    """Under several bounds, with noise that keeps some of them from converting everything."""
    return find_mappings(
        run_config("lenet5"),
        load_loop_config(
            overrides=[*QUICK, "search.confidence=0.8", "noise.prog_noise_scale=3"],
        ),
        {drop: folder / f"m-{drop:g}" for drop in BOUNDS},
        state=folder / "m.search",
        command=["aimc", *ARGUMENTS],
        progress=Heard(),
        threads=1,
    )


def find_until_killed(
    search: Callable[[Path], object], out: Path, renames: int, after: bool
) -> None:
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
    search(out)


def killed_until_it_ends(
    server: ForkServerContext, search: Callable[[Path], object], out: Path, more: int
) -> int:
    """Each process lives for ``more`` renames more than the last; how many were killed."""
    for kills in range(40):
        process = server.Process(
            target=find_until_killed, args=(search, out, 3 + more * kills, kills % 2 == 1)
        )
        process.start()
        process.join(120)
        if process.exitcode == 0:
            return kills
        assert process.exitcode == -signal.SIGKILL
        assert list(out.parent.iterdir())
    raise AssertionError("it never ended")


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
    """All files are renamed into place, so that a rename is where something begins to be there."""
    out = tmp_path / "m"
    assert killed_until_it_ends(server, find, out, more=2) >= 4
    assert files(out) == files(whole.folder)
    assert {path.name for path in tmp_path.iterdir()} == {"m"}


def test_killed_under_several_bounds_it_ends_with_the_same_files(
    tmp_path: Path, server: ForkServerContext
) -> None:
    whole = find_several(tmp_path / "whole")
    analog = [len(found.summary["analog_layers"]) for found in whole]
    assert analog[0] < analog[-1]
    folder = tmp_path / "killed"
    assert killed_until_it_ends(server, find_several, folder, more=3) >= 4
    for found in whole:
        assert files(folder / found.folder.name) == files(found.folder)
    assert {path.name for path in folder.iterdir()} == {f"m-{drop:g}" for drop in BOUNDS}


def test_interrupted_on_the_command_line(whole: Found, tmp_path: Path) -> None:
    state = tmp_path / "m.search" / STATE_FILE

    def steps() -> int:
        return len(json.loads(state.read_text())["search"]["trials"]) if state.exists() else -1

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "aimc.cli.main", *ARGUMENTS]
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
    assert "(measured before)" in errors
    assert files(tmp_path / "m") == files(whole.folder)


def test_other_settings_do_not_go_on_with_it(tmp_path: Path, server: ForkServerContext) -> None:
    process = server.Process(target=find_until_killed, args=(find, tmp_path / "m", 6, True))
    process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    with pytest.raises(DataError, match="other threads is here"):
        find(tmp_path / "m", threads=2)
