"""Sweeps: many configurations, and their results as tables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aimc.configuration import given_options
from aimc.defaults import DEFAULT_SWEEPS
from harness.engines.protocol import NO_OPTIONS, EngineOptions
from harness.errors import HarnessError
from harness.sweep.plan_file import SweepPlan
from harness.sweep.room import CLUSTERS, Cluster, Room

if TYPE_CHECKING:
    import pandas as pd

    from harness.progress import Progress
    from harness.sweep.points import Sweep

_HTML_ROWS: Final = 60


@dataclass(frozen=True, eq=False, repr=False)
class SweepResult:
    """A sweep's points and layers.

    Attributes:
        folder: The sweep's.
        plan: Its axes.
        points: One row per point: the axes' values, then ``status`` (done, failed or pending),
            ``speed_up``, ``energy_gain``, and for ``digital`` and ``mapped`` ``..._time_ns``,
            ``..._cycles``, ``..._energy_pj`` and ``..._accuracy_percent``; docs/sweeps.md has all
            columns.  Figures are for one inference.  Points that are not done have none.

    Example:
        found = aimc.load_sweep("sweeps/tiles")
        found.points[["system.tiles", "speed_up", "energy_gain"]]
    """

    folder: Path
    plan: SweepPlan
    points: pd.DataFrame

    @property
    def name(self) -> str:
        """The sweep's, as its file has it."""
        return self.plan.name

    @property
    def axes(self) -> tuple[str, ...]:
        """The keys that vary: the first columns of ``points``."""
        return tuple(self.plan.axes)

    @cached_property
    def layers(self) -> pd.DataFrame:
        """One row per layer of each ``program`` (digital, mapped) of each finished point.

        ``identity`` is that of the point's row.  ``layer``, ``operator``, ``unit``, ``tiles`` and
        ``macs`` say what it is, ``time_ns``, ``cycles`` and ``energy_pj`` what it takes.

        Raises:
            HarnessError: The sweep's files cannot be read.
        """
        from harness.sweep.store import read_layers

        layers = read_layers(self.folder)
        kept: pd.DataFrame = layers[layers["identity"].isin(self.plan.identities)]
        return kept

    @property
    def failed(self) -> pd.DataFrame:
        """The points that failed; ``error`` and ``log`` say why."""
        rows: pd.DataFrame = self.points[self.points["status"] == "failed"]
        return rows

    @property
    def pictures(self) -> dict[str, Path]:
        """The PNG files that were drawn last, by name."""
        from harness.sweep.show.write import PICTURES

        return {path.stem: path for path in sorted((self.folder / PICTURES).glob("*.png"))}

    def summary(self) -> str:
        """How many points are done, have failed and are missing."""
        counts = self.points["status"].value_counts()
        parts = [f"{counts.get('done', 0)} of {len(self.points)} points done"]
        parts += [
            f"{counts[status]} {status}" for status in ("failed", "pending") if status in counts
        ]
        return ", ".join(parts)

    def __repr__(self) -> str:
        axes = ", ".join(self.axes)
        return f"SweepResult({self.name}: {self.summary()}; axes {axes}; {self.folder})"

    def _repr_html_(self) -> str:
        from harness.sweep.show.listing import listed

        shown = listed(self.points[:_HTML_ROWS], self.axes)
        more = len(self.points) - _HTML_ROWS
        note = f"<p>{more} more: see .points</p>" if more > 0 else ""
        table = shown.to_html(index=False, escape=True, border=0)
        return (
            f"<div><p><b>{escape(self.name)}</b>: {escape(self.summary())}</p>{table}{note}</div>"
        )


def sweep(
    file: str | os.PathLike[str] | Mapping[str, object],
    out: str | os.PathLike[str] = DEFAULT_SWEEPS,
    *,
    workers: int | None = None,
    memory_limit: str | None = None,
    cluster: str = "local",
    cluster_settings: str | os.PathLike[str] | None = None,
    scheduler: str | None = None,
    tls_folder: str | os.PathLike[str] | None = None,
    dashboard: str | None = None,
    retry_failed: bool = False,
    progress: bool = False,
    **engine_options: str | os.PathLike[str] | None,
) -> SweepResult:
    """Measure the points of a sweep that have no result yet, and draw its pictures.

    After an interrupt or a kill, the same call continues.  A point that fails does not stop others.

    Args:
        file: The path of a sweep file (docs/sweeps.md), or its content.
        out: Folder that the sweep's folder goes to.
        workers: Processes; None: one per core, or what ``cluster_settings`` say.
        memory_limit: Of one worker, e.g. ``4GiB``.
        cluster: ``local``, or the batch system that jobs are submitted to: slurm, pbs, sge, lsf,
            htcondor.
        cluster_settings: YAML file with dask-jobqueue's settings.
        scheduler: Address of a dask scheduler that runs already.
        tls_folder: Where ``ca.pem``, ``cert.pem`` and ``key.pem`` for it are.
        dashboard: Address of dask's dashboard, e.g. ``:8787``.
        retry_failed: Try points again that failed earlier.
        progress: Tell on stderr how far the sweep is.
        engine_options: As of `aimc.run`.

    Returns:
        The sweep with all its points, also those that were measured earlier.

    Raises:
        HarnessError: The sweep is impossible, or its workers or results cannot be had.  Points
            that failed raise nothing: see `SweepResult.failed`.
        TypeError: Neither this function nor an engine has an argument of a name.

    Example:
        found = aimc.sweep({"base": {"model": "lenet5"}, "grid": {"system.tiles": [0, 2, 4]}})
        found.points[["system.tiles", "speed_up", "energy_gain"]]
    """
    from aimc.progress import shown_progress
    from harness.sweep.sweep_file import read_sweep, sweep_from_mapping

    told_engine = given_options(engine_options)
    if isinstance(file, Mapping):
        planned = sweep_from_mapping(file, engine_options=told_engine)
    else:
        planned = read_sweep(Path(file), engine_options=told_engine)
    room = make_room(
        workers=workers,
        memory_limit=memory_limit,
        cluster=cluster,
        cluster_settings=None if cluster_settings is None else Path(cluster_settings),
        scheduler=scheduler,
        tls_folder=None if tls_folder is None else Path(tls_folder),
        dashboard=dashboard,
    )
    with shown_progress(shown=progress) as told:
        return measure_sweep(
            planned,
            Path(out),
            room,
            told,
            retry_failed=retry_failed,
            engine_options=told_engine,
        )


def load_sweep(folder: str | os.PathLike[str]) -> SweepResult:
    """The sweep in ``folder``, as far as it is done; it may be running.

    Args:
        folder: The sweep's own, for instance ``sweeps/tiles``.

    Returns:
        The same as `aimc.sweep` gave or will give.

    Raises:
        HarnessError: It is no sweep's folder, or a file cannot be read.

    Example:
        aimc.load_sweep("sweeps/tiles").summary()
    """
    from harness.sweep.table import read_table

    plan, points = read_table(Path(folder))
    return SweepResult(Path(folder), plan, points)


def measure_sweep(
    planned: Sweep,
    out: Path,
    room: Room,
    progress: Progress,
    *,
    retry_failed: bool = False,
    engine_options: EngineOptions = NO_OPTIONS,
) -> SweepResult:
    """Run a sweep that was read, and write its tables and pictures.

    `sweep` and the command line end up here.

    Raises:
        HarnessError: Its workers or results cannot be had.
    """
    from harness.sweep.driver import run_sweep

    folder = out / planned.name
    run_sweep(
        planned,
        folder,
        room,
        progress,
        retry_failed=retry_failed,
        engine_options=engine_options,
    )
    found = load_sweep(folder)
    progress.stage("drawing pictures")
    for reason in write_files(found):
        progress.note(reason)
    return found


def write_files(found: SweepResult) -> tuple[str, ...]:
    """Write a sweep's tables and pictures into its folder; why pictures are missing, if any.

    Raises:
        HarnessError: A file cannot be written.
    """
    from harness.sweep.show.write import write_outputs

    return write_outputs(found.folder, found.plan, found.points, found.layers).missing


def make_room(
    *,
    workers: int | None,
    memory_limit: str | None,
    cluster: str,
    cluster_settings: Path | None,
    scheduler: str | None,
    tls_folder: Path | None,
    dashboard: str | None,
) -> Room:
    """Where points run; what cannot go together is refused when workers are asked for.

    Raises:
        HarnessError: There is no such cluster.
    """
    return Room(
        cluster=_cluster(cluster),
        workers=workers,
        memory_limit=memory_limit,
        scheduler=scheduler,
        tls_folder=tls_folder,
        settings=cluster_settings,
        dashboard=dashboard,
    )


def _cluster(name: str) -> Cluster:
    for known in CLUSTERS:
        if name == known:
            found: Cluster = known
            return found
    raise HarnessError(f"there is no cluster {name[:64]!r}", hint=f"valid: {', '.join(CLUSTERS)}")
