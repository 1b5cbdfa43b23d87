"""The identities of many points; their common inputs are read once."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import metadata
from typing import Final

from harness.config.loop_schema import LoopConfig
from harness.config.schema import Config
from harness.digest import sha256_json
from harness.engines.protocol import NO_OPTIONS, EngineOptions
from harness.pipeline.identity import harness_identity, identity_of, inputs_of

_SEARCH_LIBRARIES: Final = ("aihwkit", "pillow", "scipy", "torch")


class Identities:
    """Names points as `harness.pipeline.identity` names runs, while one sweep is read.

    A file or an engine that changes meanwhile goes unnoticed.
    """

    def __init__(self, engine_options: EngineOptions = NO_OPTIONS) -> None:
        self._computes = functools.cache(
            lambda engine: harness_identity(engine, engine_options=engine_options)
        )
        self._inputs: dict[tuple[str | None, ...], Mapping[str, str]] = {}

    def inputs(self, config: Config) -> Mapping[str, str]:
        """See `harness.pipeline.identity.inputs_of`."""
        run = config.run
        named = (run.model, run.mapping, run.checkpoint, run.dataset)
        if named not in self._inputs:
            self._inputs[named] = inputs_of(config.run)
        return self._inputs[named]

    def of(self, config: Config, search: LoopConfig | None) -> str:
        """SHA-256, in hexadecimal, over all that a point's numbers depend on.

        Raises:
            HarnessError: A named file cannot be read, or the engine is missing.
        """
        run = identity_of(config, self.inputs(config), self._computes(config.run.engine))
        if search is None:
            return run
        content = {"run": run, "search": search.model_dump(mode="json"), **_search_libraries()}
        return sha256_json(content)


@functools.cache
def _search_libraries() -> dict[str, str]:
    return {name: metadata.version(name) for name in _SEARCH_LIBRARIES}
