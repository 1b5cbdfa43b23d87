"""What processes that dask starts on this machine take over from this one, and what they do not."""

from __future__ import annotations

import contextlib
import multiprocessing.resource_tracker
import os
import signal
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def sigint_blocked() -> Iterator[None]:
    """Let threads and processes that begin in the `with` block never see SIGINT.

    A terminal sends Ctrl-C to all of them, but this process's main thread decides what ends.
    """
    # Starting this helper of Python's later would let the signal through again.
    multiprocessing.resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def main_module_unseen() -> Iterator[None]:
    """Let Python processes that begin in the `with` block not run the user's script again.

    Python's multiprocessing does so to find functions in it; workers need none from there, and a
    script without ``if __name__ == "__main__"`` would start workers of its own.
    """
    main = sys.modules["__main__"]
    kept = {name: getattr(main, name) for name in ("__file__", "__spec__") if hasattr(main, name)}
    main.__spec__ = None
    if "__file__" in kept:
        del main.__file__
    try:
        yield
    finally:
        for name, value in kept.items():
            setattr(main, name, value)


@contextlib.contextmanager
def environment_kept() -> Iterator[None]:
    """Undo what dask sets in this process's environment for its workers."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
