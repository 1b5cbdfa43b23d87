"""The main job: two programs of one network, simulated, compared and reported."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.cache.folder import cache_dir
from harness.checksums import damage, seal
from harness.config.schema import Config
from harness.engines.protocol import NO_OPTIONS, EngineOptions
from harness.errors import StatsError
from harness.interrupts import interrupted_says
from harness.locks import folder_lock
from harness.pipeline.folder import remove_abandoned_runs, run_name, staged_folder
from harness.pipeline.identity import run_identity
from harness.pipeline.measure import measure
from harness.progress import Progress
from harness.report.comparison import Comparison
from harness.report.result_file import read_result
from harness.report.write import write_report
from harness.toolchain.build import remove_abandoned_builds

RESULT_FILE: Final = "result.json"
_DAMAGE_SHOWN: Final = 3  # files


@dataclass(frozen=True)
class Finished:
    """A job's outcome; ``cached`` says that an earlier run's folder served it."""

    comparison: Comparison
    folder: Path
    cached: bool


def run_job(
    config: Config,
    out: Path,
    *,
    command: Sequence[str],
    progress: Progress,
    fresh: bool = False,
    engine_options: EngineOptions = NO_OPTIONS,
) -> Finished:
    """Run the main job in a folder of its own below ``out``.

    Args:
        config: The whole configuration.
        out: Folder of all runs.
        command: The command line, for the manifest.
        progress: Gets the progress.
        fresh: Simulate even if the folder of an equal run exists, or a result is kept.
        engine_options: What the engine is told.

    Raises:
        HarnessError: Any stage failed; no folder is left and an earlier one is untouched.
    """
    remove_abandoned_runs(out)
    remove_abandoned_builds(cache_dir())
    folder = out / run_name(config, run_identity(config, engine_options=engine_options))
    if not fresh and isinstance(served := _served(folder), Finished):
        return served
    with folder_lock(folder, waiting=progress.stage):
        if not fresh and (found := _served(folder)) is not None:
            if isinstance(found, Finished):
                return found  # another process has made it meanwhile
            progress.stage(f"the earlier result is not used ({found}); simulating again")
        kept = interrupted_says("interrupted; nothing of this run was kept")
        with kept, staged_folder(folder) as staging:
            comparison = measure(
                config,
                staging,
                command=command,
                progress=progress,
                engine_options=engine_options,
                not_before_s=time.time() if fresh else 0.0,
            )
            progress.stage("writing the report")
            write_report(comparison, staging)
            seal(staging)
    return Finished(comparison, folder, cached=False)


def _served(folder: Path) -> Finished | str | None:
    """The result in a run's ``folder``, or why it is not used; None if there is none."""
    if not (folder / RESULT_FILE).is_file():
        return None
    if found := damage(folder):
        more = f" and {len(found) - _DAMAGE_SHOWN} more" if len(found) > _DAMAGE_SHOWN else ""
        return ", ".join(found[:_DAMAGE_SHOWN]) + more
    try:
        return Finished(read_result(folder / RESULT_FILE), folder, cached=True)
    except StatsError as error:
        return error.what
