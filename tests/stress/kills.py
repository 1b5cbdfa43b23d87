"""Kill a command again and again, then compare what it leaves with what an undisturbed one leaves.

    python -m tests.stress.kills run --kills 200
    python -m tests.stress.kills map --kills 100 --seed 7

SIGKILL, SIGTERM and SIGINT arrive at random times, over one output folder and one cache.  Exits
with 1 if a signal was lost, a traceback was printed, or anything is left or differs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.checksums import CHECKSUMS_FILE, damage
from tests.accuracy.searches import QUICK

_ROOT: Final = Path(__file__).resolve().parents[2]
_SIGNALS: Final = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
_PROMPT_S: Final = 20.0  # a process that takes longer to end after a signal has lost it
_FRESH_SHARE: Final = 0.5  # of the runs: does not take an earlier result
_EMPTIED_SHARE: Final = 0.1  # of the runs: begins without compiled programs
# What legitimately differs between two runs, wherever it stands in a JSON file.
_DIFFERS: Final = frozenset(
    {
        "command",
        "created_utc",
        "earlier_simulations",
        "host_seconds",
        "outputs_sha256",
        "seconds",
        "sha256",
    }
)


@dataclass(frozen=True)
class Place:
    """Where one command works: ``home`` is its working folder."""

    home: Path
    first_run: bool

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    @property
    def out(self) -> Path:
        return self.home / "out"

    def start(self, arguments: Sequence[str]) -> subprocess.Popen[str]:
        environment = {**os.environ, "AIMC_CACHE": str(self.cache), "PYTHONPATH": str(_ROOT)}
        if self.first_run:
            modules = self.home / "modules"
            shutil.rmtree(modules, ignore_errors=True)
            environment["PYTHONPYCACHEPREFIX"] = str(modules)
        with (self.home / "stdout").open("w") as stdout:
            return subprocess.Popen(
                [sys.executable, "-m", "aimc.cli.main", *arguments],
                cwd=self.home,
                env=environment,
                stdout=stdout,
                stderr=subprocess.PIPE,
                text=True,
            )


def arguments_of(command: str) -> list[str]:
    """A job of seconds that writes below ``out``."""
    if command == "run":
        return ["run", "lenet5", "--images", "1", "--out", "out"]
    settings = [part for setting in QUICK for part in ("--set", setting)]
    return ["map", "lenet5", "--drop", "2.0", "--threads", "1", "--out", "out/map", *settings]


def whole(place: Place, arguments: Sequence[str]) -> float:
    """Run it to its end; the seconds that it took."""
    began = time.monotonic()
    process = place.start(arguments)
    _, errors = process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"exit code {process.returncode}, undisturbed:\n{errors}")
    return time.monotonic() - began


def kill_once(place: Place, arguments: Sequence[str], number: int, after_s: float) -> str:
    """Run it and send the signal; the end in one word, or what is wrong with it in several."""
    process = place.start(arguments)
    time.sleep(after_s)
    sent = time.monotonic()
    process.send_signal(number)
    _, errors = process.communicate()
    took_s = time.monotonic() - sent
    if "Traceback" in errors:
        # Python prints its own before the first line of the program.
        early = process.returncode == -signal.SIGINT and "interrupts.py" not in errors
        return "early" if early else f"a traceback:\n{errors}"
    if process.returncode == 0 and took_s < _PROMPT_S / 10:
        return "finished"
    if process.returncode not in (-number, 128 + number):
        return f"exit code {process.returncode} after {took_s:.1f} s:\n{errors}"
    return "killed" if took_s < _PROMPT_S else f"only {took_s:.1f} s after the signal"


def wait_for_compilers(place: Place) -> None:
    """A compiler outlives a command that SIGKILL ended, by the seconds that its file takes."""
    while any(str(place.cache) in command for command in _command_lines()):
        time.sleep(0.1)


def _command_lines() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield os.fsdecode(path.read_bytes())


def files_of(folder: Path) -> dict[str, object]:
    """Every file's content by its path; of JSON files, what may not differ."""
    found: dict[str, object] = {}
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        data = path.read_bytes()
        name = path.relative_to(folder).as_posix()
        if path.name == CHECKSUMS_FILE:
            found[name] = sorted(json.loads(data))
        elif path.suffix == ".json":
            found[name] = _comparable(json.loads(data))
        else:
            found[name] = data
    return found


def _comparable(value: object) -> object:
    if isinstance(value, dict):
        return {key: _comparable(v) for key, v in value.items() if key not in _DIFFERS}
    return [_comparable(v) for v in value] if isinstance(value, list) else value


def differences(place: Place, undisturbed: Place) -> list[str]:
    """What is not as it is in ``undisturbed``, and what should not be there at all."""
    expected, found = files_of(undisturbed.out), files_of(place.out)
    names = sorted(expected.keys() | found.keys())
    wrong = [f"{name} differs" for name in names if expected.get(name) != found.get(name)]
    wrong += [text for folder in place.out.iterdir() if folder.is_dir() for text in damage(folder)]
    wrong += [f"{path} is left" for path in place.out.iterdir() if path.name.startswith(".")]
    wrong += [f"{path} is left" for path in (place.cache / "tmp").glob("*")]
    wrong += [f"{path} is left" for path in place.cache.rglob("*.tmp")]
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("command", choices=("run", "map"))
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="Fewer kills, then.")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    parser.add_argument("--span", type=float, help="Latest signal, in seconds from the start.")
    parser.add_argument(
        "--first-run", action="store_true", help="Let Python compile every module each time."
    )
    options = parser.parse_args()
    chance = random.Random(options.seed)
    arguments = arguments_of(options.command)
    wrong: list[str] = []
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="aimc-kills-") as name:
        undisturbed, place = (
            Place(Path(name, part), options.first_run) for part in ("undisturbed", "killed")
        )
        undisturbed.home.mkdir()
        place.home.mkdir()
        whole(undisturbed, arguments)
        seconds = whole(undisturbed, [*arguments, "--fresh"])  # with what is compiled by now
        span_s = options.span or seconds
        print(
            f"seed {options.seed}; undisturbed {seconds:.1f} s; signals up to {span_s:.1f} s",
            flush=True,
        )
        deadline = time.monotonic() + 60.0 * options.minutes
        for index in range(options.kills):
            if time.monotonic() > deadline:
                break
            number, after_s = chance.choice(_SIGNALS), chance.uniform(0.0, span_s)
            fresh = ["--fresh"] if chance.random() < _FRESH_SHARE else []
            if chance.random() < _EMPTIED_SHARE:
                shutil.rmtree(place.cache, ignore_errors=True)
            end = kill_once(place, [*arguments, *fresh], number, after_s)
            counts[end.split()[0] if " " not in end else "wrong"] += 1
            if " " in end:
                wrong.append(f"{index}: {signal.Signals(number).name} at {after_s:.3f} s: {end}")
                print(wrong[-1], flush=True)
        wait_for_compilers(place)
        whole(place, arguments)
        wrong += differences(place, undisturbed)
    print(f"{options.command}: {counts.total()} signals, {dict(counts)}, {len(wrong)} wrong")
    for text in wrong:
        print(text)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
