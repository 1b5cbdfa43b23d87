"""Where the points of a sweep run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

Cluster: TypeAlias = Literal["local", "slurm", "pbs", "sge", "lsf", "htcondor"]
CLUSTERS: Final = get_args(Cluster)


@dataclass(frozen=True)
class Room:
    """Workers that dask.distributed starts, or workers of a running scheduler.

    Attributes:
        cluster: ``local``: processes on this machine; else what dask-jobqueue submits to.
        workers: Their number; None: one per core of this machine, or the number in ``settings``.
        memory_limit: Of one worker, e.g. ``4GiB``; None: an equal share of this machine's.
        scheduler: Address of a running dask scheduler, e.g. ``tls://host:8786``.
        tls_folder: Where ``ca.pem``, ``cert.pem`` and ``key.pem`` for ``scheduler`` are.
        settings: YAML file with dask-jobqueue's settings of ``cluster``.
        dashboard: Address of dask's dashboard, e.g. ``:8787``; None: loopback, any port.
    """

    cluster: Cluster = "local"
    workers: int | None = None
    memory_limit: str | None = None
    scheduler: str | None = None
    tls_folder: Path | None = None
    settings: Path | None = None
    dashboard: str | None = None
