"""The outcome of a run."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from harness.quantities import format_ratio
from harness.report.comparison import Comparison, accuracy_statement, outputs_statement
from harness.report.result_file import read_result
from harness.report.write import report_files
from harness.safe_text import printable

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """One network on one system, all-digital and mapped.

    Times, energies and cycles are for one inference.  Printing it shows the whole report.

    Attributes:
        comparison: Everything that the report tells, as `harness.report.comparison` has it.
        folder: The run's folder.
        served: Whether an earlier run's folder served it.
    """

    comparison: Comparison
    folder: Path
    served: bool

    @property
    def speed_up(self) -> float | None:
        """Digital over mapped time; None for an all-digital run, as in ``result.json``."""
        gain = self.comparison.gain
        return None if gain is None else gain.speed_up

    @property
    def energy_gain(self) -> float | None:
        """Digital over mapped energy; None for an all-digital run, as in ``result.json``."""
        gain = self.comparison.gain
        return None if gain is None else gain.energy_gain

    @property
    def layers(self) -> pd.DataFrame:
        """One row per layer, both programs side by side; see `aimc.tables.layer_table`."""
        from aimc.tables import layer_table

        return layer_table(self.comparison)

    @property
    def accuracy(self) -> pd.DataFrame:
        """One row per measured accuracy; none where ``statements`` say that none is given."""
        from aimc.tables import accuracy_table

        return accuracy_table(self.comparison)

    @property
    def statements(self) -> tuple[str, str]:
        """What every report says about accuracy and about the comparison of the outputs."""
        return accuracy_statement(self.comparison), outputs_statement(self.comparison)

    def __repr__(self) -> str:
        run, system = self.comparison.config.run, self.comparison.config.system
        gain = self.comparison.gain
        told = (
            "all-digital"
            if gain is None
            else f"{printable(Path(run.mapping).name)}, speed-up {format_ratio(gain.speed_up)}, "
            f"energy gain {format_ratio(gain.energy_gain)}"
        )
        name = self.comparison.model.name
        return f"<aimc.Result {name} on {system.name}: {told}; {str(self.folder)!r}>"

    def __str__(self) -> str:
        from harness.report.terminal import format_report

        return format_report(self.comparison).rstrip("\n")

    def _repr_html_(self) -> str:
        from aimc.notebook import result_html

        return result_html(self.comparison, self.folder)


def load_result(folder: str | os.PathLike[str]) -> Result:
    """The result in a run's ``folder``.

    Raises:
        HarnessError: There is none, or it is damaged.
    """
    path = Path(folder)
    return Result(read_result(report_files(path).result), path, served=True)
