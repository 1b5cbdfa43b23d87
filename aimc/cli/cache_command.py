"""`aimc cache`: list and delete results kept between runs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

import typer

from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.cache.room import Entry

_SHOW_HELP = """Show what is kept between runs: compiled programs, simulations and the like.

They lie in the folder AIMC_CACHE, and take at most AIMC_CACHE_GIB: then those that were used the
longest time ago go first.

Examples:

    aimc cache

    aimc cache clear --older-than 30
"""
_CLEAR_HELP = """Remove what is kept between runs; later runs make it again.

Examples:

    aimc cache clear

    aimc cache clear --older-than 30
"""
_DAY_S: Final = 86_400.0

OlderThan = Annotated[
    float, typer.Option("--older-than", min=0, help="Only what was not used for so many days.")
]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    commands = typer.Typer(help=_SHOW_HELP, rich_markup_mode="markdown")
    commands.callback(invoke_without_command=True)(show)
    commands.command("clear", help=_CLEAR_HELP)(clear)
    app.add_typer(commands, name="cache")


def show(context: typer.Context) -> None:
    """See _SHOW_HELP."""
    if context.invoked_subcommand is not None:
        return
    from aimc.cli.tables import plain_table
    from harness.cache.folder import KINDS, cache_dir, limit_bytes
    from harness.cache.room import entries
    from harness.report.terminal import make_console

    folder, limit = cache_dir(), limit_bytes()
    found = entries(folder)
    table = plain_table(
        "Kept between runs",
        "kind",
        "entries",
        "size",
        "longest unused",
        "last used",
        right=("entries", "size"),
    )
    for kind, title in KINDS.items():
        table.add_row(title, *_row([entry for entry in found if entry.kind == kind]))
    table.add_section()
    table.add_row("total", *_row(found))
    console = make_console()
    console.print(table)
    console.print(
        f"limit {_size(limit)} (AIMC_CACHE_GIB); folder {folder.absolute()} (AIMC_CACHE)",
        soft_wrap=True,
        markup=False,
    )


def clear(older_than: OlderThan = 0.0) -> None:
    """See _CLEAR_HELP."""
    from harness.cache import room
    from harness.cache.folder import cache_dir

    folder = cache_dir()
    try:
        gone = room.clear(folder, unused_s=older_than * _DAY_S)
    except OSError as error:
        raise HarnessError(
            f"an entry cannot be removed: {error.strerror}",
            where=str(error.filename or folder),
            hint="check the permissions of the folder",
        ) from error
    count = f"{len(gone)} entr{'y' if len(gone) == 1 else 'ies'}"
    typer.echo(f"Removed {count} of {_size(_total(gone))} from {folder.absolute()}")


def _row(found: list[Entry]) -> tuple[str, str, str, str]:
    used = [entry.used_s for entry in found]
    first, last = (_when(min(used)), _when(max(used))) if used else ("-", "-")
    return f"{len(found):,}", _size(_total(found)), first, last


def _total(found: list[Entry]) -> int:
    return sum(entry.size_bytes for entry in found)


def _size(size_bytes: int) -> str:
    if size_bytes < 1 << 20:
        return f"{size_bytes / 2**10:,.1f} KiB"
    if size_bytes < 1 << 30:
        return f"{size_bytes / 2**20:,.1f} MiB"
    return f"{size_bytes / 2**30:,.2f} GiB"


def _when(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
