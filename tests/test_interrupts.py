"""An interrupt is neither lost nor in the way, whatever it arrives in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from itertools import cycle
from pathlib import Path

import pytest

_SCRIPT = """
import ctypes, os, sys, time
from pathlib import Path
from harness import interrupts
from harness.cache.sealed import copy_out

interrupts.install()
def interrupt():
    os.kill(os.getpid(), {number})
class Destructed:
    def __del__(self):
        interrupt()
def wait():
    time.sleep(60)
    print("lost")
try:
{code}
except interrupts.InterruptedRunError:
    print("arrived")
raise SystemExit(interrupts.settle())
"""
_PLACES = {
    "anywhere": ("interrupt()\nwait()", ""),
    "a destructor": ("Destructed()\nwait()", ""),
    "a callback from C": ("ctypes.CFUNCTYPE(None)(interrupt)()\nwait()", ""),
    "a thread's work": (
        (
            "import threading\nthread = threading.Thread(target=interrupt)\n"
            "thread.start()\nthread.join()\nwait()"
        ),
        "",
    ),
    "what is not interrupted": (
        (
            "with interrupts.uninterrupted():\n    interrupt()\n    time.sleep(0.1)\n"
            "    print('whole')\nwait()"
        ),
        "whole\n",
    ),
    "an error on its way": (
        (
            "try:\n    with interrupts.uninterrupted():\n        interrupt()\n        1 / 0\n"
            "except ZeroDivisionError:\n    print('known')\nwait()"
        ),
        "known\n",
    ),
    "clean-up because of another": (
        (
            "try:\n    interrupt()\n    wait()\nfinally:\n    interrupt()\n    time.sleep(0.1)\n"
            "    try:\n        1 / 0\n    except ZeroDivisionError:\n        time.sleep(0.1)\n"
            "    print('cleaned')"
        ),
        "cleaned\n",
    ),
    "an import in the midst of work": (
        (
            "Path('entry').write_text('not sealed')\n"
            "copy_out(Path('entry'), Path('out'), note=lambda _: __import__('kills_itself'))\n"
            "wait()"
        ),
        "imported\n",
    ),
}


def run(code: str, number: int, folder: Path) -> tuple[int, str, str]:
    (folder / "kills_itself.py").write_text(
        f"import os, time\nos.kill(os.getpid(), {number})\ntime.sleep(0.1)\nprint('imported')\n"
    )
    indented = "\n".join(f"    {line}" for line in code.splitlines())
    result = subprocess.run(
        [sys.executable, "-c", _SCRIPT.format(number=number, code=indented)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return result.returncode, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("place", "number"), list(zip(_PLACES, cycle((signal.SIGINT, signal.SIGTERM))))
)
def test_an_interrupt_arrives(place: str, number: int, tmp_path: Path) -> None:
    code, before = _PLACES[place]
    assert run(code, number, tmp_path) == (128 + number, f"{before}arrived\n", "")


def test_the_imports_of_a_command_end_at_once(tmp_path: Path) -> None:
    ended = run("import kills_itself", signal.SIGTERM, tmp_path)
    assert ended == (143, "", "error: interrupted\n")


def test_without_a_handler_nothing_is_put_off(tmp_path: Path) -> None:
    code = "interrupts.settle()\nwith interrupts.uninterrupted():\n    interrupt()\nwait()"
    assert run(code, signal.SIGTERM, tmp_path) == (-signal.SIGTERM, "", "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_line_while_it_starts(number: int, tmp_path: Path) -> None:
    """It looks for typer in this folder first, and is interrupted by what it finds."""
    (tmp_path / "typer.py").write_text(
        f"import os\nos.kill(os.getpid(), {number})\nraise SystemExit('not interrupted')\n"
    )
    result = subprocess.run(
        [sys.executable, "-m", "aimc.cli.main", "--help"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (result.returncode, result.stdout) == (128 + number, "")
    assert result.stderr == "error: interrupted\n"
