"""Dask's settings for sweeps: few long tasks, each in a process of its own."""

from __future__ import annotations

import importlib.util
from typing import Any, Final

from harness.errors import ConfigError
from harness.sweep.room import Room

_LOOPBACK: Final = "127.0.0.1"

DASK: Final[dict[str, Any]] = {
    "distributed.scheduler.worker-saturation": 1.0,  # a lost worker costs the point it measures
    "distributed.scheduler.allowed-failures": 3,  # a point that ended four workers has failed
    # Points keep no data in workers, so beyond the limit only ending the worker frees memory.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": 0.95,
    "distributed.worker.profile.enabled": False,
    "distributed.worker.http.routes": [],
    "distributed.diagnostics.nvml": False,
    "distributed.admin.large-graph-warning-threshold": "1GiB",
}
"""Of the scheduler beside the sweep and of the workers that it starts."""


def scheduler_settings() -> dict[str, Any]:
    """`DASK`; without a dashboard also without the scheduler's status pages."""
    hidden: dict[str, Any] = {} if has_dashboard() else {"distributed.scheduler.http.routes": []}
    return {**DASK, **hidden}


def has_dashboard() -> bool:
    """Whether the package that draws dask's dashboard is installed."""
    return importlib.util.find_spec("bokeh") is not None


def dashboard_options(room: Room) -> dict[str, Any]:
    """The scheduler's arguments; without the package the dashboard is off.

    Raises:
        ConfigError: The dashboard's address is malformed.
    """
    host, port = _LOOPBACK, "0"
    if room.dashboard is not None:
        host, _, port = room.dashboard.rpartition(":")
        if not port.isdecimal() or int(port) > 65535 or "/" in host:
            raise ConfigError(
                "not an address for the dashboard",
                where=room.dashboard,
                hint="for instance :8787 for this machine only, or 0.0.0.0:8787 for all",
            )
    return {"dashboard": has_dashboard(), "dashboard_address": f"{host or _LOOPBACK}:{port}"}
