"""Workers that a cluster's batch system starts, by dask-jobqueue."""

from __future__ import annotations

import logging
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.errors import ConfigError, HarnessError
from harness.interrupts import uninterrupted
from harness.scratch import remove_folder
from harness.sweep.dask_settings import DASK, dashboard_options
from harness.sweep.inherited import sigint_blocked
from harness.sweep.job_settings import JobSettings, plain_path, read_job_settings
from harness.sweep.room import Room
from harness.sweep.security import own_security

if TYPE_CHECKING:
    from dask_jobqueue.core import JobQueueCluster

_CERTIFICATES: Final = ".tls"  # in the sweep's folder; workers read them from there
LOGS: Final = "cluster-logs"  # in it, too: what the jobs print
_LOST_S: Final = 15.0  # without any worker, a job that had some has ended
_CLOSING_S: Final = 15.0
_CLUSTERS: Final = {
    "slurm": "SLURMCluster",
    "pbs": "PBSCluster",
    "sge": "SGECluster",
    "lsf": "LSFCluster",
    "htcondor": "HTCondorCluster",
}


class Jobs:
    """The jobs of one sweep; dask-jobqueue submits each, and this submits lost ones again."""

    def __init__(self, cluster: JobQueueCluster, workers: int) -> None:
        self.cluster = cluster
        self._workers = workers
        self._seen_s: dict[Any, float] = {}  # by job: when it last had a worker

    def keep(self) -> None:
        """Replace jobs that had workers and have none any more: cancelled, or out of time."""
        now_s = time.monotonic()
        running = {str(info["name"]) for info in self.cluster.scheduler_info["workers"].values()}
        for job, spec in list(self.cluster.worker_spec.items()):
            names = {f"{job}{suffix}" for suffix in spec.get("group", ("",))}
            if names & running:
                self._seen_s[job] = now_s
        lost = [job for job, seen_s in self._seen_s.items() if now_s - seen_s > _LOST_S]
        if lost:
            for job in lost:
                del self._seen_s[job]
            self.cluster.sync(self.cluster.scale_down, lost)
            self.cluster.scale(self._workers)


@contextmanager
def job_cluster(room: Room, folder: Path) -> Iterator[Jobs]:
    """Jobs for the sweep in ``folder`` for the time of a `with` block; afterwards none is left.

    Raises:
        HarnessError: A setting is impossible, a package is missing, or no job can be submitted.
    """
    settings = read_job_settings(room.cluster, room.settings)
    certificates = folder / _CERTIFICATES
    remove_folder(certificates)
    try:
        jobs = _start(room, settings, folder, certificates)
        try:
            yield jobs
        finally:
            with uninterrupted():
                jobs.cluster.close(timeout=_CLOSING_S)
    finally:
        remove_folder(certificates)


def _start(room: Room, settings: JobSettings, folder: Path, certificates: Path) -> Jobs:
    try:
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
    except BaseException:
        with uninterrupted():
            cluster.close(timeout=_CLOSING_S)
        raise
    return Jobs(cluster, workers)


def _options(room: Room, settings: JobSettings, folder: Path, certificates: Path) -> dict[str, Any]:
    """The arguments of dask-jobqueue's cluster."""
    import dask

    given = settings.model_dump(exclude_none=True, exclude={"n_workers", "scheduler_options"})
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
    if "shared_temp_directory" not in given:
        certificates.mkdir(mode=0o700)
        given["shared_temp_directory"] = str(
            plain_path(certificates.absolute(), "the sweep's folder")
        )
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
        "security": own_security(),
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
