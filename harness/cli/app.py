"""The commands of `aimc`: one per stage, `run` for all of them, and a few that inform.

Heavy imports stand inside the commands: `aimc --help` and a cached run answer at once.
"""

from __future__ import annotations

from typing import Final

import typer

from harness import __version__
from harness.cli import (
    inspect_commands,
    map_command,
    run_command,
    stage_commands,
    train_command,
)

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
stage_commands.register(app)
inspect_commands.register(app)
train_command.register(app)


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
