"""Separation of dask from this process's signals, environment, main module and logs."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing.resource_tracker
import os
import signal
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def sigint_blocked() -> Iterator[None]:
    """Block SIGINT in threads and processes that start in the `with` block. A terminal sends Ctrl-C
    to all of them, but this process's main thread decides which of them end.
    """
    # Python's helper process, started later, would unblock the signal.
    multiprocessing.resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def sigint_handler_kept() -> Iterator[None]:
    """Undo what an import in the `with` block does to SIGINT: dask-jobqueue's exits with code 0."""
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        if signal.getsignal(signal.SIGINT) is not before:
            signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def main_module_unseen() -> Iterator[None]:
    """Keep Python processes that start in the `with` block from running the user's script again.

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


@contextlib.contextmanager
def logs_silent() -> Iterator[None]:
    """Keep the logs of libraries off the terminal; errors and outcomes have the relevant part."""
    loggers = [logging.getLogger(name) for name in ("asyncio", "distributed", "tornado")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
