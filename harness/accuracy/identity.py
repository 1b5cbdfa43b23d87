"""The identity of a search: two searches of one identity find the same mapping.

The identity has parts, so that a message can name the parts in which two searches differ.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from importlib import metadata
from pathlib import Path
from typing import Final, TypeAlias

import torch

from harness.accuracy.strategies import Strategy, strategy_named
from harness.accuracy.task import Task
from harness.config.loop_schema import LoopConfig
from harness.config.schema import Config
from harness.digest import sha256_file, sha256_json
from harness.engines.protocol import NO_OPTIONS, EngineOptions
from harness.model.onnx_path import is_onnx_path
from harness.pipeline.identity import harness_identity, library_versions

SearchIdentity: TypeAlias = Mapping[str, str]
"""SHA-256 of each part, in hexadecimal; a part is something that a user may change."""

_LIBRARIES: Final = ("aihwkit", "pillow", "scipy", "torch")
_PACKAGE: Final = Path(__file__).resolve().parents[1]


def search_libraries() -> dict[str, str]:
    """Installed versions of the libraries whose results enter a search's numbers."""
    return library_versions() | {name: metadata.version(name) for name in _LIBRARIES}


def search_identity(
    task: Task,
    config: Config,
    loop: LoopConfig,
    bounds: Collection[float],
    threads: int,
    *,
    engine_options: EngineOptions = NO_OPTIONS,
) -> SearchIdentity:
    """The identity of a search under ``bounds``, in percentage points; the bound in ``loop`` is
    unused.

    The content of files is part of it; their paths are not, except the network's.

    Args:
        engine_options: What the engine is told.

    Raises:
        HarnessError: The engine or the strategy is not there.
    """
    computes = harness_identity(config.run.engine, engine_options=engine_options)
    strategy = strategy_named(loop.search.strategy)
    network = [task.checksums["weights"]]
    if is_onnx_path(config.run.model):
        network.append(sha256_file(Path(config.run.model)))
    files = {"checkpoint", "dataset", "mapping", "timeout_s"}
    parts: dict[str, object] = {
        "sources": [computes["version"], computes["sources"], _source(strategy)],
        "libraries": search_libraries(),
        "engine": computes.get("engine"),
        "network": network,
        "images": {name: digest for name, digest in task.checksums.items() if name != "weights"},
        "settings": {
            "config": config.model_dump(mode="json", exclude={"run": files}),
            "loop": loop.model_dump(mode="json", exclude={"search": {"drop_points"}}),
        },
        "bounds": sorted(bounds),
        "threads": [threads, torch.cuda.is_available()],
    }
    return {name: sha256_json(part) for name, part in parts.items()}


def fingerprint(identity: SearchIdentity) -> str:
    """One name for ``identity``: SHA-256 over its parts, in hexadecimal."""
    return sha256_json(dict(identity))


def _source(strategy: Strategy) -> str:
    """Digest of the file that defines a strategy from outside of the harness, "" of its own."""
    try:
        path = Path(inspect.getfile(type(strategy))).resolve()
        return "" if path.is_relative_to(_PACKAGE) else sha256_file(path)
    except (OSError, TypeError):  # defined at a prompt
        return ""
