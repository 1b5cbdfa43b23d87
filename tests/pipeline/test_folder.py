"""Run folders appear whole, whatever else happens meanwhile."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import HarnessError
from harness.locks import folder_lock
from harness.pipeline.folder import remove_abandoned_runs, staged_folder

_PUBLISH = """
import sys
from pathlib import Path
from harness.pipeline.folder import staged_folder
target, me, times = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
for number in range(times):
    with staged_folder(target) as staging:
        (staging / "first").write_text(f"{me} {number}")
        (staging / "second").write_text(f"{me} {number}")
"""


@pytest.fixture(params=["exchange", "two renames"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How the system can let two folders change places."""
    if request.param == "two renames":
        monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    return str(request.param)


def publish(target: Path, content: str) -> None:
    with staged_folder(target) as staging:
        (staging / "number").write_text(content)


@pytest.mark.usefixtures("system")
def test_a_folder_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    target = tmp_path / "run"
    for content in ("1", "2"):
        publish(target, content)
        assert (target / "number").read_text() == content
        assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("kind", ["file", "empty folder", "link"])
def test_whatever_has_the_name_is_replaced(tmp_path: Path, kind: str) -> None:
    target = tmp_path / "run"
    if kind == "file":
        target.touch()
    elif kind == "empty folder":
        target.mkdir()
    else:
        target.symlink_to(tmp_path / "nowhere")
    publish(target, "1")
    assert (target / "number").read_text() == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("failure", [KeyboardInterrupt, RuntimeError, HarnessError])
def test_a_failure_keeps_the_earlier_folder(tmp_path: Path, failure: type[BaseException]) -> None:
    target = tmp_path / "run"
    publish(target, "1")
    with pytest.raises(failure), staged_folder(target) as staging:
        (staging / "number").write_text("2")
        raise failure("stopped")
    assert (target / "number").read_text() == "1"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_processes_that_publish_one_folder_at_once(tmp_path: Path) -> None:
    target = tmp_path / "run"
    publish(target, "none")
    (target / "first").write_text("none")
    processes = [
        subprocess.Popen([sys.executable, "-c", _PUBLISH, str(target), str(me), "50"])
        for me in range(4)
    ]
    while any(process.poll() is None for process in processes):
        assert (target / "first").read_text()  # a reader always finds one
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert (target / "first").read_text() == (target / "second").read_text()
    assert (target / "first").read_text().endswith(" 49")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_only_what_killed_runs_left_is_removed(tmp_path: Path) -> None:
    left = tmp_path / ".staging-0123456789abcdef"
    (left / "run").mkdir(parents=True)
    other = tmp_path / ".other-staging"
    other.mkdir()
    with staged_folder(tmp_path / "run") as staging:
        assert not left.exists()
        remove_abandoned_runs(tmp_path)
        (staging / "number").write_text("1")
        with folder_lock(tmp_path / "net-analog-0123456789ab", waiting=print):
            remove_abandoned_runs(tmp_path)
            assert (tmp_path / ".net-analog-0123456789ab.lock").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"run", other.name}
