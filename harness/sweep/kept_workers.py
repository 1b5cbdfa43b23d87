"""Workers of a cluster that dask started, kept at the requested number."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from distributed.deploy.spec import SpecCluster

_LOST_S: Final = 15.0  # without any worker, a job or process that had some has ended


class KeptWorkers:
    """The workers of ``cluster``; workers that have ended for good are started again.

    Dask's nanny restarts a worker that dies. If the nanny has ended too (its job was cancelled or
    out of time, its node is lost), dask does nothing.
    """

    def __init__(self, cluster: SpecCluster, workers: int) -> None:
        self.cluster = cluster
        self._workers = workers
        self._seen_s: dict[Any, float] = {}  # by job: when it last had a worker

    def keep(self) -> None:
        """Restart lost workers; must be called every few seconds."""
        now_s = time.monotonic()
        cluster = self.cluster
        running = {str(info["name"]) for info in cluster.scheduler_info["workers"].values()}
        for job, spec in list(cluster.worker_spec.items()):
            names = {f"{job}{suffix}" for suffix in spec.get("group", ("",))}
            if names & running:
                self._seen_s[job] = now_s
            elif getattr(cluster.workers.get(job), "job_id", "") is None:
                self._seen_s.setdefault(job, now_s)  # it could not be submitted again
        lost = [job for job, seen_s in self._seen_s.items() if now_s - seen_s > _LOST_S]
        if lost:
            for job in lost:
                del self._seen_s[job]
            with suppress(RuntimeError, OSError):  # others go on; it is tried again
                cluster.sync(cluster.scale_down, lost)
            cluster.scale(self._workers)
