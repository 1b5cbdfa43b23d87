"""The commands of `aimc`: one per stage, `run` for all of them, and a few that inform.

Every way in which one fails becomes one message and an exit code.

Heavy imports are inside the commands, so that `aimc --help` and a cached run answer at once.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import Final, NoReturn

import typer

from aimc.cli import (
    cache_command,
    inspect_commands,
    map_command,
    run_command,
    stage_commands,
    sweep_command,
    train_command,
)
from harness import __version__
from harness.errors import HarnessError
from harness.interrupts import InterruptedRunError

app: Final = typer.Typer(
    name="aimc",
    help="Full-system simulation of ARM cores with analog in-memory computing tiles.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

run_command.register(app)
map_command.register(app)
sweep_command.register(app)
stage_commands.register(app)
inspect_commands.register(app)
train_command.register(app)
cache_command.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"aimc-harness {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(
        False, "--version", help="Print the version.", callback=_print_version, is_eager=True
    ),
) -> None:
    """Full-system simulation of ARM cores with analog in-memory computing tiles.

    Example: `aimc run vgg16 --mapping analog --system alpine-hp`
    """


def run() -> None:
    """Run the command line; every failure is one clear message and a non-zero exit code."""
    try:
        app()
    except InterruptedRunError as error:
        _fail(str(error) or "interrupted", 1)  # `main` knows the signal, and its exit code
    except HarnessError as error:
        _fail(str(error), error.exit_code)
    except BrokenPipeError:
        # The reader (`| head`) has gone; nothing is left to say and no one to hear it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except MemoryError:
        _fail("out of memory\n  hint: use fewer images or a smaller network", 2)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = "free some space on the disk" if full else "check the path and its permissions"
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}\n  hint: {hint}", 2)


def _fail(message: str, code: int) -> NoReturn:
    sys.stdout.flush()
    print(f"error: {message}", file=sys.stderr, flush=True)
    raise SystemExit(code)
