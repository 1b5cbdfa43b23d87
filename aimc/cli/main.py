"""Entry point of `aimc`: an interrupt is dealt with before anything else is imported."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # part of the interpreter: not read from disk

_signal.signal(_signal.SIGINT, _signal.SIG_DFL)  # until `install`, without a traceback

from harness import interrupts  # noqa: E402


def main() -> None:
    """Run the command line.

    The exit code is that of the command: 130 after SIGINT and 143 after SIGTERM.
    """
    interrupts.install()
    try:
        from aimc.cli.app import run

        run()
    except interrupts.InterruptedRunError:
        interrupts.end_at_once()
    except SystemExit as end:
        if code := interrupts.settle():
            raise SystemExit(code) from end
        raise


if __name__ == "__main__":
    main()
