"""A worker measures one point in a temporary folder and returns rows. Jobs and outcomes are plain
data. Every error within a point is part of its outcome; dask handles only the end of the whole
process.
"""

from __future__ import annotations

import functools
import json
import os
import platform
import tempfile
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

from harness.config.load import config_to_yaml
from harness.config.schema import Config
from harness.digest import sha256_of
from harness.engines.protocol import EngineOptions
from harness.engines.registry import engine_options
from harness.errors import HarnessError
from harness.pipeline.identity import harness_identity
from harness.pipeline.measure import measure
from harness.progress import Progress
from harness.report.comparison import Comparison
from harness.scratch import scratch_folder
from harness.sweep.rows import Row, config_row, point_layers, point_row
from harness.sweep.store import DONE, FAILED

Outcome: TypeAlias = dict[str, Any]
"""``point`` and ``layers``: rows; ``attempts`` and ``finished_utc`` are the driver's to add."""

_PASSED_ON: Final = ("AIMC_DATA", "AIMC_CACHE")
_COMMAND: Final = ("aimc", "sweep")
_SCRATCH: Final = "aimc-point-"
_LOG_CHARACTERS: Final = 8192


class Measure(Protocol):
    """`harness.pipeline.measure.measure`."""

    def __call__(
        self,
        config: Config,
        folder: Path,
        *,
        command: Sequence[str],
        progress: Progress,
        engine_options: EngineOptions,
    ) -> Comparison:
        """Simulate ``config`` in ``folder``."""


@dataclass(frozen=True)
class Job:
    """One point in the form that is sent to a worker.

    Attributes:
        identity: The point's.
        config: The configuration as JSON.
        working_folder: Relative paths start here.
        environment: Values of `passed_on`.
        harness: `harness_digest` of the process that planned the point.
        engine_options: What the engine is told.
    """

    identity: str
    config: str
    working_folder: str
    environment: Mapping[str, str]
    harness: str
    engine_options: EngineOptions = field(default_factory=dict)

    def to_json(self) -> str:
        """The text that `run_point` takes."""
        return json.dumps(asdict(self))


def passed_on() -> tuple[str, ...]:
    """Environment variables that a worker gets from the driver."""
    variables = [option.variable for option in engine_options().values()]
    return (*_PASSED_ON, *filter(None, variables))


@functools.cache
def harness_digest() -> str:
    """SHA-256 of this process's harness, in hexadecimal: its sources and its libraries."""
    return sha256_of(json.dumps(harness_identity("embedded")))


def run_point(
    job: str, found: Mapping[str, str] | None = None, *, measuring: Measure = measure
) -> Outcome:
    """Measure one point.

    Args:
        job: A `Job` as JSON.
        found: What `harness.sweep.search_worker.find` returned, if the point's mapping is searched.
        measuring: Measures the point.
    """
    point = Job(**json.loads(job))
    began = time.monotonic()
    heard = Heard()
    host = platform.node()
    config: Config | None = None  # another harness may not understand it
    try:
        prepare_process(point.working_folder, point.environment, point.harness)
        config = Config.model_validate_json(point.config)
        if found is not None:
            if "error" in found:
                return failure(point.identity, config, found["error"], found["log"], host=host)
            run = config.run.model_copy(update={"mapping": found["mapping"]})
            config = config.model_copy(update={"run": run})
        with scratch_folder(Path(tempfile.gettempdir()), _SCRATCH) as scratch:
            comparison = measuring(
                config,
                scratch,
                command=_COMMAND,
                progress=heard,
                engine_options=point.engine_options,
            )
            measured = point_row(comparison, tiles_wanted=_tiles_wanted(scratch))
            layers = point_layers(comparison)
    except Exception as error:  # noqa: BLE001 - the point's, not the sweep's
        text, log = what_failed(error, heard.lines)
        seconds = time.monotonic() - began
        return failure(point.identity, config, text, log, host=host, seconds=seconds)
    row = {
        "identity": point.identity,
        "status": DONE,
        "host": host,
        "host_seconds": time.monotonic() - began,
        **config_row(config, config_to_yaml(config)),
        **measured,
    }
    return {"point": row, "layers": [{"identity": point.identity, **layer} for layer in layers]}


def failure(
    identity: str,
    config: Config | None,
    error: str,
    log: str,
    *,
    host: str | None = None,
    seconds: float | None = None,
) -> Outcome:
    """The outcome of a point that could not be measured; ``host`` is the machine, if known."""
    row: Row = {
        "identity": identity,
        "status": FAILED,
        "error": error,
        "log": log[-_LOG_CHARACTERS:],
        "host": host,
        "host_seconds": seconds,
        **(config_row(config, config_to_yaml(config)) if config is not None else {}),
    }
    return {"point": row, "layers": []}


def prepare_process(working_folder: str, environment: Mapping[str, str], harness: str) -> None:
    """Set up this process as the driver's: working folder and environment.

    Raises:
        HarnessError: The harness differs, or there is no such folder.
    """
    os.environ.update(environment)
    if harness != harness_digest():
        raise HarnessError(
            "the worker has another version of the harness or of its libraries",
            where=f"host {platform.node()}",
            hint="install the same version on all machines, and start the workers again",
        )
    try:
        os.chdir(working_folder)
    except OSError as error:
        raise HarnessError(
            f"the sweep's working folder is not on this machine: {error.strerror}",
            where=f"host {platform.node()}, {working_folder}",
            hint="start the sweep in a folder that all machines share",
        ) from error


def what_failed(error: Exception, heard: Sequence[str]) -> tuple[str, str]:
    """The text of an error, and a log: the messages ``heard`` before it, and a defect's
    traceback."""
    if isinstance(error, HarnessError):
        return str(error), "\n".join(heard)
    if isinstance(error, MemoryError):
        return out_of_memory(_memory_limit()), "\n".join(heard)
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        text = f"{where}{error.strerror or error} (host {platform.node()})"
    else:
        text = f"defect of the harness: {type(error).__name__}: {error}"
    return text, "\n".join([*heard, *traceback.format_exception(error)])


def out_of_memory(limit_bytes: int | None) -> str:
    """The error of a point that exceeded its memory."""
    if limit_bytes is None:
        return "ran out of memory"
    from dask.utils import format_bytes

    return f"ran out of memory (limit {format_bytes(limit_bytes)} per worker)"


class Heard:
    """Keeps the messages of a measurement or a search."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def stage(self, text: str) -> None:
        self.lines.append(text)

    def note(self, text: str) -> None:
        self.lines.append(text)

    def simulated(
        self, instructions: int, simulated_ns: float, layer: str | None = None, /
    ) -> None:
        """Nothing: dask knows that the worker is alive."""

    def work(self, done: float, total: float, unit: str = "", detail: str = "") -> None:
        """Nothing, as `simulated`."""


def _tiles_wanted(folder: Path) -> int:
    """The number in the measurement's plan; 0 without one."""
    with suppress(FileNotFoundError):
        plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
        return int(plan["tiles_wanted"])
    return 0


def _memory_limit() -> int | None:
    from distributed import get_worker

    try:
        limit: int | None = get_worker().memory_manager.memory_limit
    except ValueError:  # not in a worker
        return None
    return limit
