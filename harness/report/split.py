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


def cause_names(engine: str) -> dict[str, str]:
    """`CAUSES` as ``engine`` means them: gem5's cores do not say why they wait, and what is
    not told apart counts as compute (docs/gem5-engine.md)."""
    if engine == "gem5":
        return {**CAUSES, "compute": "compute and rest"}
    return dict(CAUSES)


def times_by_cause(causes: CycleSplit, clock_ghz: float) -> dict[str, float]:
    """Time in ns by the keys of `CAUSES`."""
    return {cause: getattr(causes, cause) / clock_ghz for cause in CAUSES}
