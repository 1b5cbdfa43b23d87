"""Finding the mapping of points under a bound on accuracy, on a worker.

A search runs once for all points that share it, before them; its result stays in the sweep's
folder, where a later run of the sweep finds it.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from harness.config.loop_schema import LoopConfig
from harness.config.schema import Config
from harness.digest import sha256_json
from harness.errors import MappingError
from harness.sweep.worker import Heard, prepare_process, what_failed

MAPPINGS: Final = "mappings"  # folder in a sweep's
_NOT_SEEN: Final = frozenset({"images", "mapping", "fp32_baseline"})  # by a search


@dataclass(frozen=True)
class SearchJob:
    """One search, as it is sent to a worker; see `harness.sweep.worker.Job`.

    Attributes:
        folder: Gets the result.
        config: The configuration as JSON; its mapping and images are not used.
        loop: Noise, search and bound, as JSON.
    """

    folder: str
    config: str
    loop: str
    working_folder: str
    environment: Mapping[str, str]
    harness: str

    def to_json(self) -> str:
        """The text that `find` takes."""
        return json.dumps(asdict(self))


def search_key(config: Config, loop: LoopConfig) -> str:
    """Identifies a search within a sweep: SHA-256, in hexadecimal, of all of its inputs."""
    content = {
        "config": config.model_dump(mode="json", exclude={"run": set(_NOT_SEEN)}),
        "loop": loop.model_dump(mode="json"),
    }
    return sha256_json(content)


def find(job: str) -> dict[str, str]:
    """Search a mapping, or return an earlier result.

    Args:
        job: A `SearchJob` as JSON.

    Returns:
        The file as ``mapping``, or ``error`` and ``log``.
    """
    search = SearchJob(**json.loads(job))
    heard = Heard()
    try:
        prepare_process(search.working_folder, search.environment, search.harness)
        mapping = _found(search, heard)
    except Exception as error:  # noqa: BLE001 - the points', not the sweep's
        text, log = what_failed(error, heard.lines)
        return {"error": f"no mapping was found: {text}", "log": log}
    return {"mapping": str(mapping)}


def _found(search: SearchJob, heard: Heard) -> Path:
    from harness.accuracy.result import broken_bound
    from harness.accuracy.run import find_mapping

    config = Config.model_validate_json(search.config)
    run = config.run.model_copy(update={"images": 1, "mapping": "analog", "fp32_baseline": False})
    found = find_mapping(
        config.model_copy(update={"run": run}),
        LoopConfig.model_validate_json(search.loop),
        Path(search.folder),
        command=("aimc", "sweep"),
        progress=heard,
        threads=1,
    )
    broken = broken_bound(found.summary)
    if broken is not None:
        raise MappingError(
            f"no mapping holds the bound: {broken}",
            where=f"{config.run.model}, host {platform.node()}",
            hint="give a larger bound, or a network that loses less in int8",
        )
    return found.folder / "mapping.json"
