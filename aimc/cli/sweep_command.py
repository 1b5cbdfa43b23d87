"""`aimc sweep`: many configurations."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from aimc.cli.engine_options import with_engine_options
from aimc.defaults import DEFAULT_SWEEPS
from harness.engines.protocol import NO_OPTIONS, EngineOptions
from harness.engines.registry import engine_options as options_of
from harness.engines.registry import engine_with_option
from harness.errors import HarnessError, SweepError

if TYPE_CHECKING:
    import pandas as pd

    from aimc.sweeps import SweepResult
    from harness.sweep.points import Sweep

_HELP = """Simulate many configurations, and show how time, energy and accuracy depend on them.

Examples:

    aimc sweep run sweep.yaml

    aimc sweep show sweeps/NAME
"""
_RUN_HELP = """Measure the points of a sweep file that have no result yet.

docs/sweeps.md describes the file; ready ones are in workloads/sweeps.  Interrupted or killed, the
same command goes on.  A point that fails does not stop others: they are listed at the end, and the
exit code is 5.

Examples:

    aimc sweep run workloads/sweeps/tiles.yaml --dry-run

    aimc sweep run workloads/sweeps/tiles.yaml --workers 8 --memory-limit 4GiB

    aimc sweep run sweep.yaml --cluster slurm --cluster-settings slurm.yaml --workers 64

    aimc sweep run sweep.yaml --scheduler tls://host:8786 --tls-folder certificates
"""
_SHOW_HELP = """List the points of a sweep, and write its tables and pictures again.

Works while the sweep runs, too.

Examples:

    aimc sweep show sweeps/tiles

    aimc sweep show sweeps/tiles --sort speed-up --descending --csv tiles.csv
"""
_LISTED: Final = 40  # points after a run
_FAILED_LISTED: Final = 20


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    commands = typer.Typer(help=_HELP, no_args_is_help=True, rich_markup_mode="markdown")
    commands.command("run", help=_RUN_HELP)(run)
    commands.command("show", help=_SHOW_HELP)(show)
    app.add_typer(commands, name="sweep")


@with_engine_options("engine: {}")
def run(
    file: Annotated[Path, typer.Argument(help="The sweep file (YAML).", show_default=False)],
    out: Annotated[
        Path, typer.Option("--out", help="Folder that the sweep's folder goes to.")
    ] = Path(DEFAULT_SWEEPS),
    workers: Annotated[
        int | None,
        typer.Option("--workers", help="Processes; default: one per core of this machine."),
    ] = None,
    memory_limit: Annotated[
        str | None, typer.Option("--memory-limit", help="Of one worker, e.g. 4GiB.")
    ] = None,
    cluster: Annotated[
        str,
        typer.Option("--cluster", help="local, or slurm, pbs, sge, lsf, htcondor: submits jobs."),
    ] = "local",
    cluster_settings: Annotated[
        Path | None,
        typer.Option("--cluster-settings", help="YAML file with dask-jobqueue's settings."),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", help="A dask scheduler that runs already: tls://host:8786."),
    ] = None,
    tls_folder: Annotated[
        Path | None,
        typer.Option("--tls-folder", help="Its ca.pem, cert.pem and key.pem."),
    ] = None,
    dashboard: Annotated[
        str | None,
        typer.Option("--dashboard", help="Address of dask's dashboard, e.g. :8787."),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Try points again that failed earlier.")
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Only check the file and say what a run would take."),
    ] = False,
    engine_options: EngineOptions = NO_OPTIONS,
) -> None:
    """See _RUN_HELP."""
    from aimc.progress import shown_progress
    from aimc.sweeps import make_room, measure_sweep
    from harness.sweep.sweep_file import read_sweep

    room = make_room(
        workers=workers,
        memory_limit=memory_limit,
        cluster=cluster,
        cluster_settings=cluster_settings,
        scheduler=scheduler,
        tls_folder=tls_folder,
        dashboard=dashboard,
    )
    planned = read_sweep(file, engine_options=engine_options)
    _check_options(engine_options, planned)
    if dry_run:
        _tell_plan(planned, out, workers, retry_failed=retry_failed)
        return
    with shown_progress() as progress:
        found = measure_sweep(
            planned, out, room, progress, retry_failed=retry_failed, engine_options=engine_options
        )
    _list(found.points, found.axes, limit=_LISTED)
    _tell_files(found)
    _end(found)


def show(
    folder: Annotated[Path, typer.Argument(help="The sweep's folder.", show_default=False)],
    csv: Annotated[
        Path | None, typer.Option("--csv", help="Write the points there, too, in this order.")
    ] = None,
    sort: Annotated[
        str | None,
        typer.Option("--sort", help="An axis or column, e.g. speed-up or system.tiles."),
    ] = None,
    descending: Annotated[
        bool, typer.Option("--descending", help="The largest first; without --sort the last.")
    ] = False,
) -> None:
    """See _SHOW_HELP."""
    from aimc.sweeps import load_sweep, write_files
    from harness.atomic import atomic_write_text
    from harness.sweep.show.listing import sorted_by
    from harness.sweep.show.write import points_csv

    found = load_sweep(folder)
    points = sorted_by(found.points, found.axes, sort, descending=descending)
    _list(points, found.axes, limit=None)
    if csv is not None:
        atomic_write_text(csv, points_csv(points))
        typer.echo(f"Wrote {shlex.quote(str(csv))}")
    for reason in write_files(found):
        typer.echo(reason, err=True)
    _tell_files(found)
    _tell_failed(found)


def _check_options(options: EngineOptions, planned: Sweep) -> None:
    """Refuse what no point's engine takes."""
    taken = options_of({point.config.run.engine for point in planned.points})
    for name in options:
        if name not in taken:
            owner = engine_with_option(name)
            raise HarnessError(
                f"--{name}: no point's engine is {owner}",
                hint=f"add engine: {owner} under base of the file",
            )


def _list(points: pd.DataFrame, axes: Iterable[str], *, limit: int | None) -> None:
    from harness.sweep.show.listing import point_lines

    shown = points if limit is None else points[:limit]
    typer.echo("\n".join(point_lines(shown, list(axes))))
    if len(points) > len(shown):
        typer.echo(f"... and {len(points) - len(shown)} more: aimc sweep show lists all")


def _tell_files(found: SweepResult) -> None:
    from harness.sweep.show.write import POINTS

    folder = found.folder
    typer.echo(f"\n{found.name}: {found.summary()}")
    typer.echo(f"Tables: {shlex.quote(str(folder / POINTS))}.csv, .parquet, layers.parquet")
    for path in found.pictures.values():
        typer.echo(f"Picture: {shlex.quote(str(path))} (.svg, .csv)")


def _tell_failed(found: SweepResult) -> None:
    from harness.sweep.show.listing import failed_lines

    failed = found.failed
    if failed.empty:
        return
    typer.echo("\nFailed:", err=True)
    for line in failed_lines(failed[:_FAILED_LISTED], found.axes):
        typer.echo(f"  {line}", err=True)
    if len(failed) > _FAILED_LISTED:
        typer.echo(f"  and {len(failed) - _FAILED_LISTED} more, see points.csv", err=True)


def _end(found: SweepResult) -> None:
    """
    Raises:
        SweepError: Points failed.
    """
    _tell_failed(found)
    if len(found.failed):
        raise SweepError(
            f"{len(found.failed)} of {len(found.points)} points failed",
            where=str(found.folder),
            hint="points.csv has their errors; aimc sweep run ... --retry-failed tries them again",
        )


def _tell_plan(planned: Sweep, out: Path, workers: int | None, *, retry_failed: bool) -> None:
    from harness.sweep.estimate import estimate

    folder = out / planned.name
    found = estimate(planned, folder, retry_failed=retry_failed)
    repeated = f" ({found.distinct} different ones)" if found.distinct != found.points else ""
    typer.echo(f"{planned.name}: {found.points} points{repeated}, axes {', '.join(planned.axes)}")
    typer.echo(f"{folder}: {found.done} done, {found.failed} failed, {found.missing} to measure")
    if found.searches:
        typer.echo(f"{found.searches} mappings are searched before, whose time is not in this:")
    if found.missing:
        basis = "from finished points of the same network"
        if found.rough:
            basis = f"rough for {found.rough} points: from their multiply-accumulates"
        share = "" if workers is None else f", {_duration(found.seconds / workers)} with {workers}"
        typer.echo(f"time: about {_duration(found.seconds)} of one worker{share} ({basis})")
    typer.echo(f"disk: about {found.bytes / 1e6:.1f} MB")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
