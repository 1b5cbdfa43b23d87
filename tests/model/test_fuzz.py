"""A few hundred damaged files; `tests/model/fuzz.py` makes them and says what may come out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("first", [0, 50_000])
def test_damaged_files(first: int) -> None:
    # In a process of its own: its memory is limited, and a crash of it is a failure too.
    done = subprocess.run(
        [sys.executable, "-m", "tests.model.fuzz", str(first), "400"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "400 cases: 0 failed" in done.stdout
    for kind in ("refused", "compared"):
        assert kind in done.stdout
