"""Times, energies, counts and shapes as people read them, in ASCII."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_TIMES: Final = ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (1.0, "ns"))
_ENERGIES: Final = ((1e12, "J"), (1e9, "mJ"), (1e6, "uJ"), (1e3, "nJ"), (1.0, "pJ"))
_COUNTS: Final = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))


def format_time(time_ns: float) -> str:
    """Three significant digits with a unit from ns to s."""
    return _scaled(time_ns, _TIMES)


def format_energy(energy_pj: float) -> str:
    """Three significant digits with a unit from pJ to J."""
    return _scaled(energy_pj, _ENERGIES)


def format_count(count: float) -> str:
    """Three significant digits with a suffix from none to T; small whole counts as they are."""
    if abs(count) < 1000 and float(count).is_integer():
        return f"{count:.0f}"
    return _scaled(count, _COUNTS).rstrip()


def time_unit(time_ns: float) -> tuple[float, str]:
    """Divisor and name of the unit in which ``time_ns`` is best shown."""
    return _unit(time_ns, _TIMES)


def energy_unit(energy_pj: float) -> tuple[float, str]:
    """Divisor and name of the unit in which ``energy_pj`` is best shown."""
    return _unit(energy_pj, _ENERGIES)


def format_ratio(ratio: float) -> str:
    """A speed-up or gain: three significant digits and an x."""
    return f"{_digits(ratio)}x"


def format_share(part: float, whole: float) -> str:
    """``part`` of ``whole`` in per cent; "-" of nothing."""
    return f"{100.0 * part / whole:.1f} %" if whole > 0 else "-"


def shape_text(shape: Sequence[int] | None) -> str:
    """``(1, 3, 32, 32)`` as ``1x3x32x32``; ``?`` if unknown."""
    if shape is None:
        return "?"
    return "x".join(map(str, shape)) if shape else "scalar"


def _unit(value: float, units: Sequence[tuple[float, str]]) -> tuple[float, str]:
    # 0.9995 of a unit is shown as 1.00 of it.
    fitting = (unit for unit in units if abs(value) >= 0.9995 * unit[0])
    return next(fitting, units[-1])


def _scaled(value: float, units: Sequence[tuple[float, str]]) -> str:
    divisor, name = _unit(value, units)
    return f"{_digits(value / divisor)} {name}"


def _digits(value: float) -> str:
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 99.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if size >= 9.995 else f"{value:.2f}"
