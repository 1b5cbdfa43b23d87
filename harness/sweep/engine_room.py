"""The engine room of a sweep: workers of dask.distributed, ready for the time of a `with` block."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.errors import ConfigError, HarnessError
from harness.interrupts import uninterrupted
from harness.progress import Progress
from harness.sweep.dask_settings import dashboard_options, has_dashboard, scheduler_settings
from harness.sweep.isolation import (
    environment_kept,
    logs_silent,
    main_module_unseen,
    sigint_blocked,
)
from harness.sweep.job_cluster import LOGS, job_cluster
from harness.sweep.kept_workers import KeptWorkers
from harness.sweep.room import Room
from harness.sweep.security import own_security, scheduler_security

if TYPE_CHECKING:
    from distributed import Client, LocalCluster
    from distributed.security import Security

_CONNECTING_S: Final = 30.0
_CLOSING_S: Final = 10.0
_GRACE_S: Final = 0.5  # for a worker of this machine to end by itself


@dataclass(frozen=True)
class EngineRoom:
    """Workers.

    Attributes:
        client: Submits to them.
        keep: Must be called every few seconds; replaces lost workers.
        logs: The folder with the output of workers of a batch system.
    """

    client: Client
    keep: Callable[[], None]
    logs: Path | None = None


@contextmanager
def engine_room(room: Room, folder: Path, progress: Progress) -> Iterator[EngineRoom]:
    """The workers that ``room`` describes, for the sweep in ``folder``.

    They end with the block, also after an error. Workers of a scheduler that was running before
    stay.

    Raises:
        HarnessError: The room is impossible, or its workers cannot be started or reached.
    """
    try:
        import dask
        import distributed
    except ImportError as error:
        raise HarnessError(
            "sweeps need packages that are not installed",
            where=str(error.name),
            hint="pip install 'aimc-harness[cluster]'",
        ) from error
    _check(room)
    if room.dashboard is not None and not has_dashboard():
        progress.note("no dashboard: it needs the package bokeh (pip install bokeh)")
    with contextlib.ExitStack() as stack:
        stack.enter_context(logs_silent())
        stack.enter_context(dask.config.set(scheduler_settings()))
        keep, logs = _nothing, None
        if room.scheduler is not None:
            progress.stage(f"connecting to {room.scheduler}")
            target: Any = room.scheduler
            security = scheduler_security(room.scheduler, room.tls_folder)
            _check_answer(room.scheduler, security)
        elif room.cluster != "local":
            progress.stage(f"submitting jobs to {room.cluster}")
            workers = stack.enter_context(job_cluster(room, folder))
            target, security, keep, logs = workers.cluster, None, workers.keep, folder / LOGS
        else:
            progress.stage("starting workers")
            workers = stack.enter_context(_local_cluster(room))
            target, security, keep = workers.cluster, None, workers.keep
        client = stack.enter_context(_client(distributed.Client, target, security))
        if has_dashboard() and room.scheduler is None:
            progress.note(f"dashboard: {client.dashboard_link}")
        yield EngineRoom(client, keep, logs)


def _nothing() -> None:
    """Somebody else keeps the workers."""


def _check(room: Room) -> None:
    if room.scheduler is not None:
        given = {
            "cluster": room.cluster != "local",
            "workers": room.workers is not None,
            "memory_limit": room.memory_limit is not None,
            "settings": room.settings is not None,
            "dashboard": room.dashboard is not None,
        }
        wrong = [name for name, is_given in given.items() if is_given]
        if wrong:
            raise ConfigError(
                f"a scheduler that runs already has its own workers: {', '.join(wrong)} is not"
                " for it",
                where=room.scheduler,
            )
    elif room.tls_folder is not None:
        raise ConfigError(
            "certificates are for a scheduler that runs already; other workers get their own",
            where=str(room.tls_folder),
        )
    if room.cluster == "local" and room.settings is not None:
        raise ConfigError(
            "settings are for the jobs of a cluster",
            where=str(room.settings),
            hint="name the cluster, too: slurm, pbs, sge, lsf or htcondor",
        )
    if room.workers is not None and room.workers < 1:
        raise ConfigError(f"{room.workers} workers", hint="give 1 or more")
    if room.memory_limit is not None:
        _check_memory(room.memory_limit)


def _check_memory(limit: str) -> None:
    from dask.utils import parse_bytes

    try:
        enough = parse_bytes(limit) >= 1 << 20
    except ValueError:
        enough = False
    if not enough:
        raise ConfigError(
            "not a worker's memory", where=limit, hint="a number and a unit, e.g. 4GiB"
        )


@contextmanager
def _local_cluster(room: Room) -> Iterator[KeptWorkers]:
    from dask.system import CPU_COUNT
    from distributed import LocalCluster

    options = dashboard_options(room)
    count = room.workers or CPU_COUNT
    memory = {} if room.memory_limit is None else {"memory_limit": room.memory_limit}
    with environment_kept(), main_module_unseen():
        try:
            with uninterrupted(), sigint_blocked():
                cluster = LocalCluster(
                    n_workers=count,
                    threads_per_worker=1,
                    host="127.0.0.1",
                    security=own_security(),
                    dashboard_address=options["dashboard_address"],
                    scheduler_kwargs={"dashboard": options["dashboard"]},
                    silence_logs=logging.CRITICAL,
                    **memory,
                )
        except (RuntimeError, OSError, ValueError) as error:
            raise HarnessError(
                f"the workers cannot be started: {error}",
                hint="check free memory and disk space, and try again",
            ) from error
        try:
            yield KeptWorkers(cluster, count)
        finally:
            with uninterrupted():
                cluster.sync(_end_workers, cluster)
                cluster.close(timeout=_CLOSING_S)


async def _end_workers(cluster: LocalCluster) -> None:
    """End workers that are measuring a point; dask would wait for the point."""
    await asyncio.gather(
        *(worker.close(timeout=_GRACE_S) for worker in cluster.workers.values()),
        return_exceptions=True,
    )


@contextmanager
def _client(kind: type[Client], target: object, security: object) -> Iterator[Client]:
    try:
        with sigint_blocked():
            client = kind(
                target,
                security=security,
                timeout=_CONNECTING_S,
                set_as_default=False,
                name="aimc-sweep",
            )
    except (OSError, TimeoutError, RuntimeError, ValueError) as error:
        raise _unreachable(str(target), error) from error
    try:
        yield client
    finally:
        with uninterrupted():
            client.close(timeout=_CLOSING_S)


def _check_answer(address: str, security: Security) -> None:
    """Check that a scheduler is at ``address``; dask's client would wait for it forever."""
    from distributed.comm.core import connect

    async def ask() -> None:
        options = security.get_connection_args("client")
        comm = await asyncio.wait_for(connect(address, **options), _CONNECTING_S)
        await comm.close()

    try:
        # In a thread of its own: notebooks have a loop already.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(lambda: asyncio.run(ask())).result()
    except (OSError, ValueError) as error:
        raise _unreachable(address, error) from error


def _unreachable(address: str, error: Exception) -> HarnessError:
    return HarnessError(
        f"the scheduler cannot be reached: {str(error) or type(error).__name__}",
        where=address,
        hint="check its address, that it runs, and its certificates",
    )
