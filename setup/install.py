"""Installs the checkout into the environment of the interpreter that runs this, and says so.

    .venv/bin/python setup/install.py [EXTRA ...]

pip does the work; what it prints goes to ``build/setup.log``.  Here stands how far it is: a status
line on a terminal, one line every ten seconds elsewhere.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TextIO

LOG: Final = Path("build/setup.log")
_INTERVAL_S: Final = 10.0
_TERMINAL_INTERVAL_S: Final = 1.0
_SHOWN_LINES: Final = 15
_SHOWN_COLUMNS: Final = 200
# What pip fetches where its cache is empty, measured with requirements.lock on Python 3.13.
_PACKAGES: Final = {
    "": ("about 40 packages", "220 MB"),
    "cluster": ("about 60 packages", "235 MB"),
    "train": ("about 100 packages", "3 GB, most of it torch"),
}
_MEGABYTES: Final = {"kB": 1e-3, "MB": 1.0, "GB": 1e3}

_COLLECTING = re.compile(r"Collecting ([A-Za-z0-9._-]+)")
_FETCHING = re.compile(r"\s*(Downloading|Using cached) (\S+) \(([0-9.]+) (kB|MB|GB)\)")
_UNPACKING = re.compile(r"Installing collected packages: (.*)")


@dataclass
class Installation:
    """How far pip is, by the lines that it has printed."""

    doing: str = "starting pip"
    packages: set[str] = field(default_factory=set)
    downloaded_mb: float = 0.0

    def hear(self, line: str) -> None:
        """Take in one line of pip's."""
        if match := _COLLECTING.match(line):
            self.packages.add(match[1].lower())
            self.doing = f"looking for {match[1]}"
        elif match := _FETCHING.match(line):
            if match[2].endswith(".metadata"):
                return
            self.doing = f"fetching {match[2].split('-')[0]} ({match[3]} {match[4]})"
            if match[1] == "Downloading":
                self.downloaded_mb += float(match[3]) * _MEGABYTES[match[4]]
        elif line.lstrip().startswith("Installing build dependencies"):
            self.doing = "fetching what the build needs (CMake, ninja)"
        elif line.lstrip().startswith("Building editable"):
            self.doing = "compiling the native modules (C++, about a minute)"
        elif match := _UNPACKING.match(line):
            self.doing = f"unpacking {len(match[1].split(','))} packages"

    def summary(self) -> str:
        """For instance ``12 packages found, 34 MB downloaded; fetching scipy (35.0 MB)``."""
        return (
            f"{len(self.packages)} packages found, {self.downloaded_mb:.0f} MB downloaded; "
            f"{self.doing}"
        )


def main(extras: list[str]) -> int:
    """Install with ``extras``; returns the exit status."""
    packages, size = _PACKAGES["train" if {"dev", "train"} & {*extras} else "".join(extras)]
    print(
        f"Installing {packages} into {Path(sys.prefix).name} (up to {size}, less where pip has "
        f"some already) and compiling 3 native modules; pip's own words: {LOG}",
        flush=True,
    )
    began = time.monotonic()
    status, state = _run(["." + (f"[{','.join(extras)}]" if extras else "")], began)
    if status:
        print("\n".join(_telling(LOG.read_text(encoding="utf-8"))), file=sys.stderr)
        print(f"error: the installation failed; all of pip's output: {LOG}", file=sys.stderr)
        return 2
    _keep_ascii_paths()
    print(f"Installed: {state.downloaded_mb:.0f} MB downloaded, {_duration(began)}.", flush=True)
    return 0


def _telling(log: str) -> list[str]:
    """The first lines that speak of an error, each once; without any, the last lines."""
    lines = [line.strip()[:_SHOWN_COLUMNS] for line in log.splitlines()]
    found = [line for line in dict.fromkeys(lines) if re.search("error|failed", line, re.I)]
    return found[:_SHOWN_LINES] or lines[-_SHOWN_LINES:]


def _run(requirements: list[str], began: float) -> tuple[int, Installation]:
    LOG.parent.mkdir(exist_ok=True)
    state = Installation()
    # Constraints by a relative path: pip splits the variable at spaces.
    environment = {**os.environ, "PIP_CONSTRAINT": "requirements.lock", "PYTHONUNBUFFERED": "1"}
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    command = [*pip, "--progress-bar", "off", "--editable", *requirements]
    with (
        LOG.open("w", encoding="utf-8") as log,
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        assert process.stdout is not None
        listener = threading.Thread(target=_listen, args=(process.stdout, log, state), daemon=True)
        listener.start()
        _show_until_end(listener, state, began)
        return process.wait(), state


def _listen(lines: TextIO, log: TextIO, state: Installation) -> None:
    for line in lines:
        log.write(line)
        state.hear(line.rstrip("\n"))


def _show_until_end(listener: threading.Thread, state: Installation, began: float) -> None:
    terminal = sys.stdout.isatty()
    while True:
        listener.join(_TERMINAL_INTERVAL_S if terminal else _INTERVAL_S)
        if not listener.is_alive():
            break
        text = f"  {_duration(began)}: {state.summary()}"
        if terminal:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\x1b[K{text[:width]}", end="", flush=True)
        else:
            print(text, flush=True)
    if terminal:
        print("\r\x1b[K", end="", flush=True)


def _keep_ascii_paths() -> None:
    """Drop the checkout's path from the editable install's .pth file if it is not ASCII.

    Python reads .pth files in the locale's encoding at every start: under LC_ALL=C such a path
    keeps it from starting.  The file's import line alone finds every module.
    """
    for path in Path(sys.prefix).glob("lib/python*/site-packages/_editable_skbc_*.pth"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(line for line in lines if line.isascii()), encoding="utf-8")


def _duration(began: float) -> str:
    seconds = round(time.monotonic() - began)
    return f"{seconds // 60} min {seconds % 60} s" if seconds >= 60 else f"{seconds} s"


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("\nerror: interrupted; the next make goes on", file=sys.stderr)
        sys.exit(130)
