"""Time by cause: the names of the causes in reports."""

from __future__ import annotations

from typing import Final

from harness.config.schema import CoreConfig
from harness.stats.summary import CycleSplit

CAUSES: Final = {
    "compute": "digital compute",
    "memory": "memory",
    "tile_transfer": "tile transfer",
    "tile_mvm": "tile MVM",
}
"""Fields of `CycleSplit` and their names."""


def cause_names(core: CoreConfig) -> dict[str, str]:
    """The causes that are distinguished on ``core``, as in `CAUSES`.

    An out-of-order core computes while it waits for memory, so that is one cause
    (docs/gem5-engine.md).
    """
    if core.kind == "in_order":
        return dict(CAUSES)
    others = {cause: name for cause, name in CAUSES.items() if cause not in ("compute", "memory")}
    return {"compute": "compute and memory", **others}


def times_by_cause(causes: CycleSplit, clock_ghz: float) -> dict[str, float]:
    """Time in ns by the keys of `CAUSES`."""
    return {cause: getattr(causes, cause) / clock_ghz for cause in CAUSES}
