"""Workers that a cluster's batch system starts, by dask-jobqueue."""

from __future__ import annotations

import logging
import os
import secrets
import shlex
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.errors import ConfigError, HarnessError
from harness.interrupts import uninterrupted
from harness.scratch import remove_folder
from harness.sweep.dask_settings import DASK, dashboard_options
from harness.sweep.isolation import sigint_blocked, sigint_handler_kept
from harness.sweep.job_settings import JobSettings, plain_path, read_job_settings
from harness.sweep.kept_workers import KeptWorkers
from harness.sweep.room import Room
from harness.sweep.security import written_security

if TYPE_CHECKING:
    from dask_jobqueue.core import JobQueueCluster
    from distributed.deploy.spec import SpecCluster

_CERTIFICATES: Final = ".tls"  # in the sweep's folder; workers read them from there
LOGS: Final = "cluster-logs"  # in it, too: what the jobs print
_CLOSING_S: Final = 15.0
_OURS: Final = {"n_workers", "scheduler_options", "shared_temp_directory"}  # not passed on
_CLUSTERS: Final = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "lsf": "LSFCluster",
    "htcondor": "HTCondorCluster",
}


@contextmanager
def job_cluster(room: Room, folder: Path) -> Iterator[KeptWorkers]:
    """Jobs for the sweep in ``folder``; they end with the `with` block.

    Raises:
        HarnessError: A setting is impossible, a package is missing, or no job can be submitted.
    """
    settings = read_job_settings(room.cluster, room.settings)
    certificates = folder.absolute() / _CERTIFICATES
    if settings.shared_temp_directory is not None:
        shared = Path(settings.shared_temp_directory).expanduser()
        certificates = shared / f"aimc-{secrets.token_hex(8)}"
    remove_folder(certificates)  # a killed run's
    try:
        workers = _start(room, settings, folder, certificates)
        try:
            yield workers
        finally:
            _close(workers.cluster)
    finally:
        remove_folder(certificates)


def _start(room: Room, settings: JobSettings, folder: Path, certificates: Path) -> KeptWorkers:
    try:
        with uninterrupted(), sigint_handler_kept():
            import dask_jobqueue
    except ImportError as error:
        raise HarnessError(
            f"a sweep on {room.cluster} needs a package that is not installed",
            where="dask-jobqueue",
            hint="pip install 'aimc-harness[cluster]'",
        ) from error
    options = _options(room, settings, folder, certificates)
    workers = room.workers or settings.n_workers
    if workers is None:
        raise ConfigError(
            f"a sweep on {room.cluster} needs a number of workers",
            where=str(room.settings or room.cluster),
            hint="give --workers, or n_workers in the settings",
        )
    kind = getattr(dask_jobqueue, _CLUSTERS[room.cluster])
    try:
        with uninterrupted(), sigint_blocked():
            cluster = kind(**options)
    except (ValueError, TypeError, RuntimeError, OSError) as error:
        raise ConfigError(
            f"the jobs cannot be described: {error}", where=str(room.settings or room.cluster)
        ) from error
    try:
        cluster.scale(workers)
        cluster.sync(_submitted, cluster)
    except (RuntimeError, OSError) as error:
        _close(cluster)
        raise HarnessError(
            f"no job can be submitted: {' '.join(str(error).split())}",
            where=str(room.settings or room.cluster),
            hint="check the settings, and that jobs can be submitted from this machine",
        ) from error
    except BaseException:
        _close(cluster)
        raise
    return KeptWorkers(cluster, workers)


async def _submitted(cluster: JobQueueCluster) -> None:
    """Check that all jobs have been submitted; dask would only log a failure."""
    with suppress(RuntimeError, OSError):
        await cluster
    for job in list(cluster.workers.values()):
        if job.job_id is None:
            await job


def _close(cluster: SpecCluster) -> None:
    from distributed.core import Status

    with uninterrupted():
        for job in cluster.workers.values():
            job.status = Status.closing  # dask insists on it, and dask-jobqueue leaves it out
        cluster.close(timeout=_CLOSING_S)


def _options(room: Room, settings: JobSettings, folder: Path, certificates: Path) -> dict[str, Any]:
    """The arguments of dask-jobqueue's cluster."""
    import dask

    given = settings.model_dump(exclude_none=True, exclude=_OURS)
    default = f"jobqueue.{room.cluster}."
    cores = settings.cores or dask.config.get(default + "cores", None)
    if cores is None:
        raise ConfigError(
            "the number of cores of a job is not given",
            where=str(room.settings or room.cluster),
            hint="write for instance cores: 8 in the settings; each core is a worker",
        )
    if room.memory_limit is not None:
        if settings.memory is not None:
            raise ConfigError(
                "the settings give the memory of a job, an option that of a worker",
                where=str(room.settings),
                hint="give one of the two",
            )
        given["memory"] = f"{cores * dask.utils.parse_bytes(room.memory_limit)}B"
    plain_path(certificates, "the folder of the workers' certificates")
    if "log_directory" not in given and not dask.config.get(default + "log-directory", None):
        given["log_directory"] = str(plain_path(folder.absolute() / LOGS, "the sweep's folder"))
    if room.cluster == "lsf":
        plain_path(Path(tempfile.gettempdir()), "the folder of temporary files")
    python = settings.python or dask.config.get(default + "python", None) or sys.executable
    inherited: dict[str, Any] = {}
    dask.config.set(DASK, config=inherited)
    return {
        **given,
        "cores": cores,
        "processes": cores,
        "python": shlex.quote(python),
        "security": written_security(certificates),
        "job_script_prologue": [
            f"export DASK_INTERNAL_INHERIT_CONFIG={shlex.quote(dask.config.serialize(inherited))}",
            *(
                settings.job_script_prologue
                or dask.config.get(default + "job-script-prologue", None)
                or ()
            ),
        ],
        "worker_extra_args": [
            "--no-dashboard",
            "--dashboard-address",
            "127.0.0.1:0",
            *(
                settings.worker_extra_args
                or dask.config.get(default + "worker-extra-args", None)
                or ()
            ),
        ],
        "scheduler_options": {
            **(dask.config.get(default + "scheduler-options", None) or {}),
            **dashboard_options(room),
            **(
                settings.scheduler_options.model_dump(exclude_none=True)
                if settings.scheduler_options is not None
                else {}
            ),
        },
        "silence_logs": logging.CRITICAL,
        "name": f"aimc-{os.getpid()}",
    }
