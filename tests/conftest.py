"""Of all tests: what some need that not every Python has, and how far they are.

Modules of _NEEDED are skipped, and counted, where a package is not installed.  Where
there is no terminal, a line every ten seconds says how many tests have finished; several processes
run them, and this one only collects the results.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn

import pytest

_NEEDED = {
    "accuracy": ("torch", "aihwkit"),
    "api/test_notebooks.py": ("distributed", "torch"),
    "api/test_search.py": ("torch", "aihwkit"),
    "api/test_torch_modules.py": ("torch",),
    "cli/test_map.py": ("torch", "aihwkit"),
    "operators/test_backends.py": ("torch",),
    "sweep/test_driver.py": ("distributed",),
    "sweep/test_driver_search.py": ("distributed", "torch", "aihwkit"),
    "sweep/test_job_settings.py": ("dask_jobqueue", "cryptography"),
    "sweep/test_room_local.py": ("distributed", "cryptography"),
    "sweep/test_slurm.py": ("dask_jobqueue", "cryptography"),
    "training": ("torch",),
}
_INTERVAL_S = 10.0


class _SkippedModule(pytest.Module):
    """A module that is not imported."""

    reason = ""

    def collect(self) -> NoReturn:
        pytest.skip(self.reason, allow_module_level=True)


def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> _SkippedModule | None:
    here = module_path.relative_to(Path(__file__).parent)
    needed = {
        name for place, names in _NEEDED.items() if here.is_relative_to(place) for name in names
    }
    missing = sorted(name for name in needed if importlib.util.find_spec(name) is None)
    if not missing:
        return None
    module = _SkippedModule.from_parent(parent, path=module_path)
    module.reason = f"{' and '.join(missing)} not installed"
    return module


class _Heartbeat:
    """Prints the number of finished tests from the process that collects the results."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._finished = 0
        self._latest = "collecting"
        self._began = time.monotonic()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="test progress", daemon=True)

    def pytest_sessionstart(self) -> None:
        self._thread.start()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown":
            self._finished += 1
            self._latest = report.nodeid.partition("::")[0]

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        self._ended.set()

    def _beat(self) -> None:
        while not self._ended.wait(_INTERVAL_S):
            seconds = time.monotonic() - self._began
            text = f"[{seconds:.0f} s: {self._finished} tests finished, {self._latest}]"
            reporter = self._config.pluginmanager.get_plugin("terminalreporter")
            if reporter is not None:
                reporter.ensure_newline()
                reporter.write_line(text)


def pytest_configure(config: pytest.Config) -> None:
    # In one process the line would be part of what the running test prints.
    distributed = bool(config.getoption("numprocesses", None))
    if distributed and not hasattr(config, "workerinput") and not sys.stdout.isatty():
        config.pluginmanager.register(_Heartbeat(config), "aimc-heartbeat")
