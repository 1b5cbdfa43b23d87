"""A process that runs a sweep, to be killed: python -m tests.sweep.drive FOLDER POINTS SECONDS LOG.

Without `if __name__`: workers must not run this again.
"""

from __future__ import annotations

import functools
import sys
from pathlib import Path

from harness import interrupts
from harness.progress import Silent
from harness.sweep.driver import run_sweep
from harness.sweep.room import Room
from tests.sweep.sweeps import point, sweep
from tests.sweep.tasks import logged

interrupts.install()
folder, points, seconds, log, workers = sys.argv[1:6]
try:
    outcome = run_sweep(
        sweep([point(number) for number in range(int(points))]),
        Path(folder),
        Room(workers=int(workers)),
        Silent(),
        task=functools.partial(logged, log=log, seconds=float(seconds)),
    )
    print(outcome.done, outcome.measured, flush=True)
    code = 0 if outcome.complete else 1
except interrupts.InterruptedRunError as error:
    print(error, file=sys.stderr)
    code = 1
raise SystemExit(interrupts.settle() or code)
