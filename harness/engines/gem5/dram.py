"""Whether gem5's own energy model applies to a DRAM."""

from __future__ import annotations

from typing import Final

from harness.config.preset_files import find_preset
from harness.config.schema import MemoryConfig

_MODELLED: Final = "ddr4-2400"  # gem5_configs/memory.py
_ANY: Final = {"name", "size_mib"}


def has_energy_model(memory: MemoryConfig) -> bool:
    """Whether ``memory`` has the timing of the DRAM whose currents gem5 knows.

    Another one is simulated with its own timing, and its energy follows from bytes and time.
    """
    preset = find_preset("memory", _MODELLED, relative_to=None).nested()
    own = MemoryConfig.model_validate({"name": _MODELLED, **preset})
    return memory.model_dump(exclude=_ANY) == own.model_dump(exclude=_ANY)
