"""Where the time goes: the causes as reports name them."""

from __future__ import annotations

from typing import Final

from harness.stats.summary import CycleSplit

CAUSES: Final = {
    "compute": "digital compute",
    "memory": "memory",
    "tile_transfer": "tile transfer",
    "tile_mvm": "tile MVM",
}
"""Fields of `CycleSplit` and their names."""


def times_by_cause(causes: CycleSplit, clock_ghz: float) -> dict[str, float]:
    """Time in ns by the keys of `CAUSES`."""
    return {cause: getattr(causes, cause) / clock_ghz for cause in CAUSES}
