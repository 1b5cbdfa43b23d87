"""Entry point of `aimc`: every way in which a command ends, as one message and an exit code.

The signal handlers are in place before anything that takes time is imported.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import NoReturn

from harness import interrupts
from harness.errors import HarnessError


def _fail(message: str, code: int) -> NoReturn:
    sys.stdout.flush()
    print(f"error: {message}", file=sys.stderr, flush=True)
    raise SystemExit(interrupts.settle() or code)


def main() -> None:
    """Run the command line; every failure is one clear message and a non-zero exit code.

    The exit code is 130 after SIGINT and 143 after SIGTERM.
    """
    interrupts.install()
    try:
        from harness.cli.app import app

        app()
    except interrupts.InterruptedRunError as error:
        _fail(str(error) or "interrupted", 1)
    except HarnessError as error:
        _fail(str(error), error.exit_code)
    except BrokenPipeError:
        # The reader (`| head`) has gone; nothing is left to say and no one to hear it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(interrupts.settle() or 1) from None
    except MemoryError:
        _fail("out of memory\n  hint: use fewer images or a smaller network", 2)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "free some space on the disk" if full else "check the path and its permissions"
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}\n  hint: {hint}", 2)
    except SystemExit as end:
        if code := interrupts.settle():
            raise SystemExit(code) from end
        raise


if __name__ == "__main__":
    main()
