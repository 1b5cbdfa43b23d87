"""SIGINT and SIGTERM as an exception."""

from __future__ import annotations


class InterruptedRunError(BaseException):
    """SIGINT or SIGTERM arrived; like KeyboardInterrupt, but not swallowed on its way.

    Its text says what became of the work; none: nothing of it was kept.
    """
