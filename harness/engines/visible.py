"""The part of a system that a program's simulation can see.

A program is simulated on this part only, and its result is kept by it: what the program cannot see
has no way into the result (`harness.pipeline.simulations`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar, get_args

from pydantic import BaseModel

from harness.config.fields import number_range
from harness.config.schema import AttachConfig, EnergyConfig, SystemConfig, TileConfig
from harness.engines.registry import engine as engine_called

_NAME: Final = "simulated-system"  # as messages of the engines have it
_ANY: Final = "any"  # in place of a section's preset
SectionT = TypeVar("SectionT", bound=BaseModel)


def visible_system(system: SystemConfig, tiles_used: int, engine: str) -> SystemConfig:
    """``system``, with a fixed value for whatever a program on ``tiles_used`` tiles cannot see.

    Invisible are names, tiles beyond those used, energies (`harness.stats.energy` computes them
    from the events) except those that the engine reads, and tile and attachment where no tile is
    used.
    """
    sees = engine_called(engine).sees_energy
    return SystemConfig(
        name=_NAME,
        cores=system.cores,
        tiles=tiles_used,
        core=_nameless(system.core),
        caches=_nameless(system.caches),
        memory=_nameless(system.memory),
        attach=_nameless(system.attach)
        if tiles_used
        else _lowest(AttachConfig, point="bus", dma_bandwidth_gb_per_s=1.0),
        tile=_nameless(system.tile)
        if tiles_used
        else _lowest(TileConfig, io_bandwidth_gb_per_s=1.0),
        energy=_energy(system.energy, sees),
    )


def _nameless(section: SectionT) -> SectionT:
    return section.model_copy(update={"name": _ANY})


def _energy(energy: EnergyConfig, sees: Callable[[str], bool]) -> EnergyConfig:
    """Zero, but for the energies that the engine ``sees``."""
    values = {
        key: getattr(energy, key) if sees(key) else 0.0
        for key in EnergyConfig.model_fields
        if key != "name"
    }
    return EnergyConfig(name=_ANY, **values)


def _lowest(model: type[SectionT], **fixed: object) -> SectionT:
    """A section that no program sees: the first choice or the smallest value, but for ``fixed``."""
    values: dict[str, object] = {"name": _ANY}
    for key, field in model.model_fields.items():
        if key not in values and field.is_required():
            low, _ = number_range(field)
            choices = (False, True) if field.annotation is bool else get_args(field.annotation)
            values[key] = choices[0] if low is None else low
    return model.model_validate(values | fixed)
