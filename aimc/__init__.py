"""Simulate networks on ARM cores with analog in-memory computing tiles.

    import aimc

    result = aimc.run("lenet5", set={"system.tile.io": "dma"})
    result.speed_up, result.energy_gain
    result.layers  # a pandas DataFrame

`docs/python.md` describes the interface.  Importing this package loads next to nothing: each name
below is loaded when it is first used.
"""

from __future__ import annotations

from harness import __version__

TYPE_CHECKING = False  # as in `typing`, which takes longer to load than all of this
if TYPE_CHECKING:
    from aimc.catalogue import models, presets
    from aimc.mapping_search import search
    from aimc.result import Result, load_result
    from aimc.search_result import SearchResult
    from aimc.simulation import run
    from aimc.sweeps import SweepResult, load_sweep, sweep
    from harness.errors import HarnessError

__all__ = [
    "HarnessError",
    "Result",
    "SearchResult",
    "SweepResult",
    "__version__",
    "load_result",
    "load_sweep",
    "models",
    "presets",
    "run",
    "search",
    "sweep",
]

_MODULE_OF = {
    "HarnessError": "harness.errors",
    "Result": "aimc.result",
    "SearchResult": "aimc.search_result",
    "SweepResult": "aimc.sweeps",
    "load_result": "aimc.result",
    "load_sweep": "aimc.sweeps",
    "models": "aimc.catalogue",
    "presets": "aimc.catalogue",
    "run": "aimc.simulation",
    "search": "aimc.mapping_search",
    "sweep": "aimc.sweeps",
}


def __getattr__(name: str) -> object:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
