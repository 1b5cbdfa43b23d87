"""The settings of a job's simulations that are not in its configuration."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.engines.protocol import EngineOptions
from harness.progress import Progress, Silent


@dataclass(frozen=True)
class Simulator:
    """The common settings of all simulations of a job.

    Attributes:
        progress: Gets the progress.
        engine_options: What the engine is told.
        not_before_s: Results that were kept before this time do not count; seconds since 1970.
    """

    progress: Progress = field(default_factory=Silent)
    engine_options: EngineOptions = field(default_factory=dict)
    not_before_s: float = 0.0
