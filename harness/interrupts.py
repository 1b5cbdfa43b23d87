"""SIGINT and SIGTERM as an exception that is not lost, whatever they arrive in.

An exception out of a signal handler is swallowed where nothing can take one (a weak reference's
callback, a destructor, C code that clears errors), and breaks what must not be left halfway (an
import, taking a resource, giving it back).  So it is put off there, and raised again until it is
on its way.  While a command only imports what it needs, the process ends at once.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Final, NoReturn

_PACKAGE: Final = os.path.dirname(__file__) + os.sep  # noqa: PTH120 - pathlib is slow to load
_AGAIN_S: Final = 0.02  # from a signal that could not be raised, or was swallowed, to the next try
_IMPORT_SYSTEM: Final = "<frozen importlib"
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_SHELL_OFFSET: Final = 128  # shells and batch systems: 128 and the number of the signal


class InterruptedRunError(BaseException):
    """SIGINT or SIGTERM arrived; like KeyboardInterrupt, but not swallowed on its way.

    Its text says what became of the work.
    """


class _Interrupts:
    """What has arrived in this process, and whether it may be raised now."""

    def __init__(self) -> None:
        self.received: int | None = None
        self.put_off = 0

    def handle(self, number: int, frame: FrameType | None) -> None:
        if number in _SIGNALS and self.received is None:
            self.received = number
        if self.received is None:
            return
        signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
        if self.put_off or _is_on_its_way():
            return
        if not _is_importing(frame):
            raise InterruptedRunError
        if _only_command_line(frame):
            end_at_once()


# Signals are of the process, so what has arrived is, too.
_interrupts: Final = _Interrupts()


class uninterrupted:  # noqa: N801 - a context manager, as contextlib.suppress
    """Put off an interrupt to the end of the `with` block: for what must not be left halfway.

    The block is short: an interrupt that waits for minutes is as bad as a lost one.
    """

    def __enter__(self) -> None:
        if _is_main_thread():  # Python runs signal handlers in no other
            _interrupts.put_off += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if _is_main_thread():
            _interrupts.put_off -= 1
            if value is None and _interrupts.received is not None:
                _interrupts.handle(signal.SIGALRM, sys._getframe())


@contextlib.contextmanager
def interrupted_says(text: str) -> Iterator[None]:
    """Let an interrupt that leaves the `with` block say ``text``: what became of the work."""
    try:
        yield
    except InterruptedRunError:
        raise InterruptedRunError(text) from None


def install() -> None:
    """Let SIGINT and SIGTERM raise `InterruptedRunError` in the main thread, until `settle`."""
    for number in (*_SIGNALS, signal.SIGALRM):
        signal.signal(number, _interrupts.handle)
    shown = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if not isinstance(unraisable.exc_value, InterruptedRunError):  # which is raised again
            shown(unraisable)

    sys.unraisablehook = hook


def end_at_once() -> NoReturn:
    """End the process, which has nothing to clean up, as a signal that arrived wants it."""
    os.write(2, b"error: interrupted\n")
    os._exit(settle() or 1)


def settle() -> int | None:
    """The work has ended: from now on a signal ends the process at once.

    Returns:
        The exit code that tells of the signal that arrived; None if none did.
    """
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    received = _interrupts.received
    return None if received is None else _SHELL_OFFSET + received


def _is_main_thread() -> bool:
    return threading.get_ident() == threading.main_thread().ident


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith(_IMPORT_SYSTEM):
            return True
        frame = frame.f_back
    return False


def _only_command_line(frame: FrameType | None) -> bool:
    """Whether no function of this package is at work, which may have something to clean up."""
    while frame is not None:
        code = frame.f_code
        name = code.co_filename
        if name.startswith(_PACKAGE) and name != __file__ and code.co_name != "<module>":
            return False
        frame = frame.f_back
    return True


def _is_on_its_way() -> bool:
    """Whether clean-up runs because of the interrupt."""
    error = sys.exception()
    while error is not None and not isinstance(error, InterruptedRunError):
        error = error.__context__
    return error is not None
