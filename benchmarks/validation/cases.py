"""The programs of the validation, and an engine's result of one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from harness.config.load import load_config
from harness.config.schema import Config, SystemConfig
from harness.engines.embedded.elf import read_program
from harness.engines.protocol import DramEnergy, RegionStats, RunResult
from harness.engines.visible import visible_system
from harness.model.builtin import NAMES
from harness.pipeline.prepare import prepare
from harness.pipeline.programs import build, compile_generated, layer_infos
from harness.stats.summary import LayerInfo, ProgramSummary, summarize

from .networks import COUNT, write_network

SYSTEM: Final = "alpine-hp"
_NOT_READ_BY_GEM5: Final = {"energy"}  # energies change no run
WAYS: Final = ("digital", "pio", "dma")


@dataclass(frozen=True)
class Case:
    """One network in one of the `WAYS`: all digital, or analog with programmed I/O or DMA."""

    network: str
    way: str

    @property
    def name(self) -> str:
        return f"{self.network}-{self.way}"


@dataclass(frozen=True)
class Program:
    """A case's program, ready to run."""

    case: Case
    config: Config
    elf: Path
    regions: Mapping[int, str]
    layers: tuple[LayerInfo, ...]
    tiles_used: int

    @property
    def simulated(self) -> SystemConfig:
        """The system that both engines simulate: what the program can see, as in runs."""
        return visible_system(self.config.system, self.tiles_used, "gem5")

    @property
    def sha256(self) -> str:
        """SHA-256 of the loaded program and of the system as gem5 reads it."""
        described = self.simulated.model_dump(mode="json", exclude=_NOT_READ_BY_GEM5)
        system = json.dumps(described, sort_keys=True)
        return hashlib.sha256((read_program(self.elf).sha256 + system).encode()).hexdigest()

    def summary(self, result: RunResult) -> ProgramSummary:
        return summarize(
            self.case.name,
            result,
            self.config.system,
            list(self.layers),
            images=1,
            tiles_used=self.tiles_used,
        )


def cases() -> tuple[Case, ...]:
    """Every built-in network and the random ones, each in every way."""
    networks = (*NAMES, *(f"random{index}" for index in range(COUNT)))
    return tuple(Case(network, way) for network in networks for way in WAYS)


def make_program(case: Case, folder: Path) -> Program:
    """Generate and compile the program of ``case`` in ``folder``."""
    model = case.network
    if model.startswith("random"):
        model = str(write_network(int(model.removeprefix("random")), folder))
    mapping = "digital" if case.way == "digital" else "analog"
    io = "dma" if case.way == "dma" else "pio"
    config = load_config(
        system=SYSTEM,
        overrides=[f"system.tile.io={io}", "system.tiles=256"],
        run={"model": model, "mapping": mapping, "images": 1},
    )
    return make_program_of(case, config, folder)


def make_program_of(case: Case, config: Config, folder: Path) -> Program:
    """Generate and compile the program of ``config`` in ``folder``, under the name of ``case``."""
    prepared = prepare(config)
    plan = prepared.mapped or prepared.digital
    generated = build(plan, config, prepared.images[:1], folder / case.name)
    elf = compile_generated(generated, folder / case.name)
    regions = {region: name for region, name in generated.regions.items() if region != 0}
    return Program(
        case, config, elf, {0: "programming", **regions}, tuple(layer_infos(plan)), plan.tiles_used
    )


def without_programming(result: RunResult) -> dict[str, Any]:
    """``result`` as data, without region 0, which is in no layer's figures."""
    return {
        "engine": result.engine,
        "engine_version": result.engine_version,
        "exit_code": result.exit_code,
        "instructions": result.instructions,
        "simulated_ns": result.simulated_ns,
        "host_seconds": result.host_seconds,
        "regions": [
            {
                "region": region.region,
                "name": region.name,
                "visits": region.visits,
                "time_ns": region.time_ns,
                "events": dict(region.events),
                "dram_energy": None if region.dram_energy is None else asdict(region.dram_energy),
            }
            for region in result.regions
            if region.region != 0
        ],
    }


def from_data(data: Mapping[str, Any]) -> RunResult:
    """The inverse of `without_programming`."""
    regions = []
    for region in data["regions"]:
        own = region["dram_energy"]
        regions.append(RegionStats(**{**region, "dram_energy": own and DramEnergy(**own)}))
    return RunResult(**{**data, "regions": tuple(regions), "console": ""})
