"""Points that simulate nothing, in a module that workers can import."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.config.schema import Config
from harness.engines.protocol import EngineOptions
from harness.pipeline.measure import measure
from harness.progress import Progress, Silent
from harness.report.comparison import Comparison


@functools.cache
def comparison_of(text: str) -> Comparison:
    """The measurement of the configuration ``text``, as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        return measure(
            Config.model_validate_json(text),
            Path(folder),
            command=(),
            progress=Silent(),
            engine_options={},
        )


def measure_nothing(
    config: Config,  # noqa: ARG001
    folder: Path,  # noqa: ARG001
    *,
    command: Sequence[str],  # noqa: ARG001
    progress: Progress,  # noqa: ARG001
    engine_options: EngineOptions,  # noqa: ARG001
    text: str,
) -> Comparison:
    """`comparison_of` another configuration, ``text``."""
    return comparison_of(text)
