"""A scheduler with one worker in this process, which is faster than others to start."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import Any

import distributed


@contextlib.contextmanager
def scheduler_in_this_process() -> Iterator[Any]:
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        protocol="tcp://",
        dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
        scheduler_kwargs={"dashboard": False},
    ) as cluster:
        yield cluster
