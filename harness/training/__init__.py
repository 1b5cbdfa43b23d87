"""Training of the built-in networks, with torch (the extra ``train``).

Importing this package does not import torch; calling it does.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.model.checkpoint import Dtype
    from harness.training.run import TrainingResult


def train_workload(
    name: str,
    dataset: Path | None,
    out: Path,
    *,
    weights: Dtype = "float32",
    threads: int = 2,
    command: str = "",
) -> TrainingResult:
    """Train a built-in network; see `harness.training.run.train_workload`.

    Raises:
        HarnessError: torch is not installed, or training failed.
    """
    try:
        from harness.training import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "torch":
            raise
        raise HarnessError(
            "training needs torch, which is not installed",
            hint="install the extra: pip install 'aimc-harness[train]'",
        ) from error
    return run.train_workload(name, dataset, out, weights=weights, threads=threads, command=command)
