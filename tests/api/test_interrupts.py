"""Ctrl-C in a user's program is Python's own KeyboardInterrupt, and leaves nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

_SCRIPT = """
import os, signal
import aimc
before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)]
try:
    aimc.run("resnet20", images=1, set={"run.warmup": 100}, progress=True)
except BaseException as error:
    print(type(error) is KeyboardInterrupt, os.listdir("runs"))
after = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)]
print(before == after)
print(aimc.run("mlp", images=1).served, len(os.listdir("runs")))
"""


def test_an_interrupt_is_pythons_and_leaves_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _SCRIPT],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "simulating" in line:
            break
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=120)
    assert said.splitlines() == ["True []", "True", "False 1"], errors
    assert process.returncode == 0


def test_the_kill_of_a_program_is_not_put_off(tmp_path: Path) -> None:
    code = "import os, signal, aimc; aimc.run; os.kill(os.getpid(), signal.SIGTERM); print('lost')"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert (ended.returncode, ended.stdout) == (-signal.SIGTERM, "")


def test_an_interrupt_in_the_midst_of_cleaning_up_is_cleaned_up_after(tmp_path: Path) -> None:
    code = """
import shutil
from pathlib import Path
from harness.scratch import remove_folder
folder = Path("left")
folder.mkdir()
rmtree, calls = shutil.rmtree, []
def interrupted(path, **options):
    calls.append(path)
    if len(calls) == 1:
        raise KeyboardInterrupt
    rmtree(path, **options)
shutil.rmtree = interrupted
try:
    remove_folder(folder)
except KeyboardInterrupt:
    print(folder.exists())
"""
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert ended.stdout == "False\n", ended.stderr
