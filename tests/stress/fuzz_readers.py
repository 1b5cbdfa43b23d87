"""Damages valid inputs of every reader and checks what comes of them.

    python -m tests.stress.fuzz_readers [--inputs 200000] [--first 0] [--reader NAME]

Only `HarnessError` may come out, within the budget's time for each input and its memory for the
whole process.  Prints what happened by reader; the exit code is 1 if anything else did.  An input
is determined by its reader and seed: ``--reader elf --first SEED --inputs 1`` repeats one.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from harness.budget import MEMORY_BYTES, SECONDS
from harness.errors import HarnessError
from tests.stress import corpus

_CHUNK = 10_000  # inputs of one process: after each its peak memory is looked at
_LAST_RESORT_BYTES = 3 * MEMORY_BYTES  # of address space beyond what importing took
_LAST_RESORT_S = 3 * SECONDS


def work(reader: str, first: int, count: int, folder: Path) -> dict[str, object]:
    """Read ``count`` damaged inputs of ``reader``; the outcome as a document."""
    attempt = corpus.reader(reader, folder / "inputs")
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    limit = used + _LAST_RESORT_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    outcomes: Counter[str] = Counter()
    failures: list[str] = []
    slowest = 0.0
    progress = os.open(folder / "progress", os.O_WRONLY | os.O_CREAT)
    for seed in range(first, first + count):
        os.pwrite(progress, f"{seed:20}".encode(), 0)
        start = time.process_time()
        try:
            attempt(random.Random(f"{reader} {seed}"))
            outcomes["read"] += 1
        except HarnessError as error:
            outcomes["refused"] += 1
            if len(str(error)) > 100_000 or not all(map(str.isprintable, str(error).split("\n"))):
                failures.append(f"{reader}, seed {seed}: a message that is too long or unsafe")
        except (Exception, SystemExit):  # noqa: BLE001  (to find them is what this is for)
            failures.append(f"{reader}, seed {seed}:\n{traceback.format_exc()}")
        taken = time.process_time() - start
        slowest = max(slowest, taken)
        if taken > SECONDS:
            failures.append(f"{reader}, seed {seed}: took {taken:.1f} s")
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    peak = int(status["VmHWM"].split()[0]) * 1024  # ru_maxrss has the starting process's, too
    if peak > MEMORY_BYTES:
        failures.append(f"{reader}, seeds from {first}: took {peak >> 20} MiB")
    return {"outcomes": outcomes, "failures": failures, "slowest_s": slowest, "peak_bytes": peak}


def _run(reader: str, first: int, count: int) -> dict[str, object]:
    """`work` in a process of its own, which may die or hang."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.stress.fuzz_readers", "--worker", folder]
        command += ["--reader", reader, "--first", str(first), "--inputs", str(count)]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )
        progress = Path(folder) / "progress"
        while True:
            try:
                output, _ = process.communicate(timeout=_LAST_RESORT_S)
                break
            except subprocess.TimeoutExpired:
                age = time.time() - progress.stat().st_mtime if progress.exists() else 0.0
                if age > _LAST_RESORT_S:
                    process.kill()
        if process.returncode == 0:
            document: dict[str, object] = json.loads(output)
            return document
        seed = progress.read_text().strip() if progress.exists() else "none"
        failure = f"{reader}, seed {seed}: the process died with code {process.returncode}"
        return {"outcomes": {}, "failures": [failure], "slowest_s": 0.0, "peak_bytes": 0}


def main() -> int:
    """Fuzz all readers, each with its share; returns how many inputs failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=200_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--reader")
    parser.add_argument("--worker", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker is not None:
        print(json.dumps(work(options.reader, options.first, options.inputs, options.worker)))
        return 0
    shares = corpus.shares()
    if options.reader is not None:
        shares = {options.reader: 1}
    failed = 0
    sums: Counter[str] = Counter()
    print(f"{'reader':20} {'inputs':>8} {'read':>8} {'refused':>8} {'failed':>7} slowest    peak")
    for name, share in shares.items():
        count = -(-options.inputs * share // sum(shares.values()))
        outcomes: Counter[str] = Counter()
        slowest, peak, failures = 0.0, 0, 0
        for start in range(0, count, _CHUNK):
            size = min(_CHUNK, count - start)
            done = _run(name, options.first + start, size)
            outcomes.update(done["outcomes"])  # type: ignore[call-overload]
            slowest = max(slowest, float(str(done["slowest_s"])))
            peak = max(peak, int(str(done["peak_bytes"])))
            for failure in list(done["failures"]):  # type: ignore[call-overload]
                failures += 1
                print(failure, file=sys.stderr)
        row = f"{outcomes['read']:8} {outcomes['refused']:8} {failures:7}"
        print(f"{name:20} {count:8} {row} {slowest:5.2f} s {peak >> 20:4} MiB", flush=True)
        sums.update({"inputs": count, **outcomes})
        failed += failures
    row = f"{sums['read']:8} {sums['refused']:8} {failed:7}"
    print(f"{'all':20} {sums['inputs']:8} {row}")
    return failed


if __name__ == "__main__":
    sys.exit(min(main(), 1))
