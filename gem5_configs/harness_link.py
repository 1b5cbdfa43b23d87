"""The harness's end of gem5's standard input: while the harness lives, it is open and silent."""

from __future__ import annotations

import os
import select
import signal

STANDARD_INPUT = 0


class HarnessLink:
    """A pipe that the harness holds open and never writes to.

    The system closes it whichever way the harness ends, also by SIGKILL, and whatever stands
    between it and gem5, as a script that starts gem5.
    """

    def __init__(self) -> None:
        self._poll = select.poll()
        self._poll.register(STANDARD_INPUT, select.POLLIN)

    def check(self) -> None:
        """Ends gem5 at once, without its closing work, if the harness has ended."""
        if self._poll.poll(0):
            os.kill(os.getpid(), signal.SIGKILL)
