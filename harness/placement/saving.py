"""The simulated cost of a layer for one inference, without tiles and on tiles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from harness.quantities import format_energy, format_time

_PS_PER_NS: Final = 1000


@dataclass(frozen=True)
class LayerSaving:
    """Time and energy of one layer, computed by the core and by tiles."""

    digital_ns: float
    analog_ns: float
    digital_pj: float
    analog_pj: float

    @property
    def saved_ps(self) -> int:
        """Time that tiles save, in whole picoseconds; negative if they take longer."""
        return round(_PS_PER_NS * (self.digital_ns - self.analog_ns))

    def __str__(self) -> str:
        """The effect of tiles, as the end of a sentence after ``would``."""
        saved_ns, saved_pj = self.digital_ns - self.analog_ns, self.digital_pj - self.analog_pj
        digital = format_time(self.digital_ns)
        time = f"save {format_time(saved_ns)} of {digital}"
        if self.saved_ps <= 0:
            time = f"take {format_time(-saved_ns)} longer than the core's {digital}"
        energy = f"{format_energy(abs(saved_pj))} {'less' if saved_pj >= 0 else 'more'}"
        return f"{time} (energy: {energy})"


Savings: TypeAlias = Callable[[], Mapping[str, LayerSaving]]
"""Simulates each layer's saving, by its name; without layers that cannot be simulated."""
