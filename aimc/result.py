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

    Times (ns), energies (pJ) and cycles are for one inference.  Printing it shows the whole report.

    Attributes:
        comparison: Everything that the report tells, as `harness.report.comparison` has it.
        folder: The run's folder.
        served: Whether an earlier run's folder served it.

    Example:
        result = aimc.load_result("runs/lenet5-analog-0123456789ab")
        result.totals.loc["mapped", "energy_pj"]
        result.layers["speed_up"]
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
        """One row per layer in execution order, the two programs side by side.

        The index is the layer's name.  ``operator``, ``unit`` (digital or analog), ``tiles`` and
        ``macs`` say what it is and where the mapped program has it.  ``digital_time_ns``,
        ``mapped_time_ns``, ``..._cycles`` and ``..._energy_pj`` are for one inference; ``speed_up``
        and ``energy_gain`` are digital over mapped.  ``time_over_bound`` compares an analog layer
        with the shortest time that its tiles allow, and ``why_digital`` says why a layer is not
        analog although the mapping wants it.  Without a mapped program its columns are empty.
        """
        from aimc.tables import layer_table

        return layer_table(self.comparison)

    @property
    def totals(self) -> pd.DataFrame:
        """One row per program: digital, mapped and, if it was simulated, fp32.

        ``time_ns``, ``cycles``, ``energy_pj`` and ``macs`` are for one inference; ``..._time_ns``
        and ``..._energy_pj`` are what they consist of.  ``tiles`` hold weights, ``speed_up`` and
        ``energy_gain`` are digital over mapped.
        """
        from aimc.tables import program_table

        return program_table(self.comparison)

    @property
    def accuracy(self) -> pd.DataFrame:
        """One row per measured accuracy; none where ``statements`` say that none is given.

        ``what`` was measured, ``accuracy_percent``, and how many of the ``images`` are ``correct``.
        In ``ties`` of them several classes share the largest value; the first one counts.
        """
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

    Args:
        folder: The run's own, for instance ``runs/lenet5-analog-0123456789ab``.

    Returns:
        The same as `aimc.run` gave, with ``served`` True.

    Raises:
        HarnessError: There is none, or it is damaged.

    Example:
        print(aimc.load_result("runs/lenet5-analog-0123456789ab"))
    """
    path = Path(folder)
    return Result(read_result(report_files(path).result), path, served=True)
