"""Fast-forward: gem5's atomic core runs until a region's first mark, then the detailed one.

The atomic core's time is none of the system's.  So whatever ran on it has no figures: the
programming of the tiles (region 0), which is left out of the result, and what is in no region, as
the warm-up.  A layer that would lose an execution is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from harness.codegen.program import PROGRAMMING_REGION
from harness.engines.gem5.events import Groups
from harness.engines.gem5.outcome import Ending, Visit
from harness.errors import EngineError

KEY: Final = "run.fast_forward"


def region_number(wanted: str, regions: Mapping[int, str]) -> int:
    """The region that ``wanted`` is the name or the number of.

    Raises:
        EngineError: The program has no such region.
    """
    found = [number for number, name in regions.items() if wanted in (str(number), name)]
    if len(found) != 1:
        raise EngineError(
            f"the program has no region {wanted!r}",
            where=KEY,
            hint=f"name the region that an inference begins with, by name or number: {regions}",
        )
    return found[0]


def measured(visits: Sequence[Visit], regions: Mapping[int, str]) -> dict[int, str]:
    """The ``regions`` that ran wholly on the detailed core, or never: all but the programming.

    Raises:
        EngineError: A layer has an execution on the atomic core, or the detailed one got nothing.
    """
    functional = {visit.region for visit in visits if not visit.detailed}
    lost = [regions[region] for region in functional if region != PROGRAMMING_REGION]
    first = next((visit.region for visit in visits if visit.region != PROGRAMMING_REGION), None)
    if lost or all(visit.region in functional for visit in visits):
        raise EngineError(
            f"these layers ran before the detailed core took over and have no figures: "
            f"{', '.join(sorted(lost)) or 'all'}",
            where=KEY,
            hint="name the region that an inference begins with"
            + (f": {first} ({regions[first]})" if first is not None else ""),
        )
    return {number: name for number, name in regions.items() if number not in functional}


def groups_of(ending: Ending, *, fast_forwarded: bool) -> Groups:
    """The groups of statistics of the detailed cores, and of the caches that they took over.

    Raises:
        EngineError: gem5 names another number of cores than of meters.
    """
    count = len(ending.meters)
    kinds = 2 if fast_forwarded else 1
    if not ending.cores or len(ending.cores) != kinds * count:
        raise EngineError(
            f"gem5 names {len(ending.cores)} cores and {count} meters", where="exit.json"
        )
    return Groups(ending.cores[-count:], ending.tiles, ending.meters, ending.cores[:count])
