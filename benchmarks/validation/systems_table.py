"""The two engines' figures on random systems, and the parameters that their difference correlates
with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pandas as pd

from .systems import Draw

_NAMED: Final = 3  # parameters with the strongest correlation


@dataclass(frozen=True, eq=False)
class SystemRow:
    """One network on one system: cycles of both programs on both engines."""

    system: str
    preset: str
    network: str
    values: Mapping[str, str]
    gem5_digital_cycles: int
    embedded_digital_cycles: int
    gem5_mapped_cycles: int
    embedded_mapped_cycles: int

    @property
    def digital_error(self) -> float:
        return self.embedded_digital_cycles / self.gem5_digital_cycles - 1

    @property
    def mapped_error(self) -> float:
        return self.embedded_mapped_cycles / self.gem5_mapped_cycles - 1

    @property
    def speedup_error(self) -> float:
        """Of the mapped over the digital program."""
        return (1 + self.digital_error) / (1 + self.mapped_error) - 1


def system_row(
    draw: Draw,
    network: str,
    theirs: Mapping[str, Mapping[str, int]],
    ours: Mapping[str, Mapping[str, int]],
) -> SystemRow:
    """The row of one network; cycles are by program (digital, mapped) and layer."""
    return SystemRow(
        system=draw.name,
        preset=draw.system,
        network=network,
        values=dict(draw.values),
        gem5_digital_cycles=sum(theirs["digital"].values()),
        embedded_digital_cycles=sum(ours["digital"].values()),
        gem5_mapped_cycles=sum(theirs["mapped"].values()),
        embedded_mapped_cycles=sum(ours["mapped"].values()),
    )


def table(rows: Sequence[SystemRow]) -> pd.DataFrame:
    """One line per row: its figures, its errors as shares, and what its system differs in."""
    return pd.DataFrame(
        [
            {
                "system": row.system,
                "preset": row.preset,
                "network": row.network,
                "gem5_digital_cycles": row.gem5_digital_cycles,
                "embedded_digital_cycles": row.embedded_digital_cycles,
                "digital_error": round(row.digital_error, 4),
                "gem5_mapped_cycles": row.gem5_mapped_cycles,
                "embedded_mapped_cycles": row.embedded_mapped_cycles,
                "mapped_error": round(row.mapped_error, 4),
                "speedup_error": round(row.speedup_error, 4),
                **row.values,
            }
            for row in rows
        ]
    )


def to_csv(rows: Sequence[SystemRow]) -> str:
    """The table as CSV."""
    return table(rows).to_csv(index=False, lineterminator="\n")


def culprits(rows: Sequence[SystemRow], error: str) -> list[tuple[str, float]]:
    """The parameters with the strongest rank correlation with the size of an error."""
    frame = table(rows)
    size = frame[error].abs()
    found = {}
    for key in sorted({key for row in rows for key in row.values}):
        values = frame[key]
        numbers = pd.to_numeric(values, errors="coerce")
        ranked = numbers if numbers.notna().any() else values.astype("category").cat.codes
        if ranked.nunique() > 1:
            found[key] = float(ranked.corr(size, method="spearman"))
    return sorted(found.items(), key=lambda item: -abs(item[1]))[:_NAMED]
