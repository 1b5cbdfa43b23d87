"""Time of `aimc run vgg16` on an empty cache and run folder, and of the same command again."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FIRST_TARGET_S = 180.0
AGAIN_TARGET_S = 3.0


def seconds_of(folder: Path) -> float:
    """Run the command with its cache and its results in ``folder``."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "aimc.cli.main", "run", "vgg16", "--out", str(folder / "runs")],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "AIMC_CACHE": str(folder / "cache")},
    )
    return time.perf_counter() - began


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        first, again = seconds_of(Path(name)), seconds_of(Path(name))
    print(
        f"vgg16, both programs, from nothing: {first:6.1f} s = {first / FIRST_TARGET_S:.3f} of "
        f"the {FIRST_TARGET_S:.0f} s allowed"
    )
    print(
        f"vgg16, the same command again:      {again:6.1f} s = {again / AGAIN_TARGET_S:.3f} of "
        f"the {AGAIN_TARGET_S:.0f} s allowed"
    )


if __name__ == "__main__":
    main()
