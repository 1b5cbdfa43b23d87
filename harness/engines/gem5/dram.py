"""Which of gem5's classes of DRAM a memory is based on, and whether its energy model applies."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from harness.config.load import list_presets
from harness.config.preset_files import find_preset
from harness.config.schema import EnergyConfig, Gem5Dram, MemoryConfig
from harness.errors import EngineError

_HINT: Final = "see docs/gem5-engine.md"
_ANY: Final = {"name", "size_mib"}  # keys that are no property of a technology


@dataclass(frozen=True)
class DramModel:
    """A class of gem5, and the keys of the memory that differ from the class's preset."""

    preset: str
    gem5: Gem5Dram
    changed: tuple[str, ...]

    @property
    def has_energy(self) -> bool:
        """Whether gem5's energy model applies: it knows the currents of its class alone."""
        return not self.changed


def dram_model(memory: MemoryConfig) -> DramModel:
    """The class whose preset has the most values of ``memory``; of equal ones the first by name.

    A memory that differs is simulated with its own timing; its energy follows from bytes and time.
    """
    models = [
        DramModel(own.name, gem5, _differing(memory, own)) for own, gem5 in _modelled_memories()
    ]
    return min(models, key=lambda model: len(model.changed))


def check_dram_energy(model: DramModel, energy: EnergyConfig, where: str) -> None:
    """Refuse energies that gem5 would not use.

    Raises:
        EngineError: An energy is neither 0 nor that of the class, whose model decides it.
    """
    if not model.has_energy:
        return
    own = _energies(model.gem5.energy)
    for key in (key for key in EnergyConfig.model_fields if key.startswith("dram_")):
        if getattr(energy, key) not in (0.0, getattr(own, key)):
            raise EngineError(
                f"system.energy.{key}: gem5's DRAM model decides it;"
                f" {model.preset} has {getattr(own, key):g}, 0 leaves it out",
                where=where,
                hint=_HINT,
            )
    if (energy.dram_background_mw == 0) != (energy.dram_open_mw == 0):
        raise EngineError(
            "system.energy.dram_open_mw: gem5 has one background energy;"
            " leave out dram_background_mw and dram_open_mw together",
            where=where,
            hint=_HINT,
        )


def _differing(memory: MemoryConfig, own: MemoryConfig) -> tuple[str, ...]:
    return tuple(
        key
        for key in MemoryConfig.model_fields
        if key not in _ANY and getattr(memory, key) != getattr(own, key)
    )


@cache
def _modelled_memories() -> tuple[tuple[MemoryConfig, Gem5Dram], ...]:
    """The shipped memories that gem5 has a class for."""
    presets = [find_preset("memory", name, relative_to=None) for name in list_presets()["memory"]]
    return tuple(
        (
            MemoryConfig.model_validate({"name": preset.name, **preset.nested()}),
            Gem5Dram.model_validate({item.key: item.value for item in preset.gem5}),
        )
        for preset in presets
        if preset.gem5
    )


@cache
def _energies(name: str) -> EnergyConfig:
    preset = find_preset("energy", name, relative_to=None)
    return EnergyConfig.model_validate({"name": name, **preset.nested()})
