"""The outcome of a search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class SearchResult:
    """What a search found under one bound.

    Attributes:
        folder: Has the mapping, the retrained checkpoint, the programmed conductances and the
            accuracies.
        summary: The content of ``summary.json``.
        served: Whether it was there already.

    Example:
        found = aimc.search("lenet5", drop=1.0)
        found.accuracy[["phase", "split", "mean_percent", "lost_points"]]
    """

    folder: Path
    summary: Mapping[str, Any]
    served: bool

    @property
    def mapping(self) -> Path:
        """The mapping file, for ``aimc.run(..., mapping=...)``."""
        from harness.accuracy.earlier import MAPPING_FILE

        return self.folder / MAPPING_FILE

    @property
    def drop_points(self) -> float:
        """The bound: the largest accuracy drop in percentage points."""
        return float(self.summary["drop_points"])

    @property
    def analog_layers(self) -> tuple[str, ...]:
        """Names of the layers that are analog."""
        return tuple(self.summary["analog_layers"])

    @property
    def accuracy(self) -> pd.DataFrame:
        """One row per accuracy that the search measured; docs/accuracy.md has the columns.

        ``phase`` and ``split`` say what was measured on which images.  ``mean_percent`` is the mean
        over ``repetitions`` sets of devices, ``lost_points`` what the float network has more.

        Raises:
            HarnessError: ``accuracy.csv`` cannot be read.
        """
        from aimc.tables import search_table
        from harness.accuracy.earlier import TABLE_FILE

        return search_table(self.folder / TABLE_FILE)

    def __repr__(self) -> str:
        summary = self.summary
        return (
            f"<aimc.SearchResult {summary['model']}, {self.drop_points:g} points: "
            f"{len(self.analog_layers)} analog layers, {summary['analog_macs_percent']:.1f} % of "
            f"the MACs; {str(self.folder)!r}>"
        )
