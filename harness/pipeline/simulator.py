"""The settings of a job's simulations that are not in its configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from harness.pipeline.reporter import Reporter, Silent


@dataclass(frozen=True)
class Simulator:
    """The common settings of all simulations of a job.

    Attributes:
        reporter: Gets the progress.
        gem5: The program of the engine gem5; None: the variable GEM5, then PATH.
        not_before_s: Results that were kept before this time do not count; seconds since 1970.
    """

    reporter: Reporter = field(default_factory=Silent)
    gem5: Path | None = None
    not_before_s: float = 0.0
