"""What a program can see of a system: that, and nothing else, names and changes its result.

Every number of a system is changed in turn, by a network with a layer on tiles and one without.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import BaseModel

from harness.config.load import load_config
from harness.config.schema import Config, SystemConfig
from harness.engines.embedded.engine import EmbeddedEngine
from harness.engines.protocol import RunResult
from harness.engines.visible import visible_system
from harness.pipeline.prepare import prepare
from harness.pipeline.programs import build, compile_generated
from harness.placement.plan import Plan

OTHER = {  # a value that differs from that of the system below, where x + 1 would not be valid
    "system.core.kind": "out_of_order",
    "system.core.clock_ghz": 1.0,
    "system.core.dot_accumulate_latency": 2,
    "system.core.load_to_use_latency": 9,
    "system.core.branch_predictor_entries": 16,
    "system.attach.load_extra_beat_ns": 3.0,
    "system.attach.point": "bus",
    "system.memory.size_mib": 128,
    "system.tile.io": "dma",
    "system.tile.rows": 512,
    "system.tile.columns": 512,
    "system.tile.dac_bits": 7,
}
TILES = ("system.tile.", "system.attach.")
TOGETHER = {"line_bytes": ("system.caches.l1i", "system.caches.l1d", "system.caches.l2")}


def configuration() -> Config:
    overrides = ["system.tile.noise=true", "system.tile.output_noise_lsb=1", "system.tiles=40"]
    run = {"model": "lenet5", "images": 1, "warmup": 0}
    return load_config(system="alpine-hp", overrides=overrides, run=run)


def fields(section: BaseModel, path: str) -> Iterator[tuple[str, object]]:
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from fields(value, f"{path}.{name}")
        else:
            yield f"{path}.{name}", value


FIELDS = dict(fields(configuration().system, "system"))


def other_value(path: str) -> object:
    """Another valid value of the field at ``path``."""
    value = FIELDS[path]
    if path in OTHER:
        return OTHER[path]
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return f"{value}.other"
    if path.endswith(("size_kib", "ways", "line_bytes")):
        return value // 2
    return value * 2 if value else 3


def changed(system: SystemConfig, path: str) -> SystemConfig:
    """``system`` with another value at ``path``; all levels share a line size."""
    document = system.model_dump()
    for where in TOGETHER.get(path.rpartition(".")[2], (path.rpartition(".")[0],)):
        section = document
        for name in where.split(".")[1:]:
            section = section[name]
        section[path.rpartition(".")[2]] = other_value(path)
    return SystemConfig.model_validate(document)


def invisible(path: str, engine: str) -> bool:
    """By the documentation: names, energies and the number of tiles."""
    _, section, *rest = path.split(".")
    if rest and rest[-1].startswith("dram_"):
        return engine == "embedded"
    return path.endswith(".name") or section in ("energy", "tiles")


def test_another_value_is_known_for_every_field() -> None:
    system = configuration().system
    for path, value in FIELDS.items():
        assert other_value(path) != value, path
        assert changed(system, path) != system


@pytest.mark.parametrize("engine", ["embedded", "gem5"])
def test_every_field_is_visible_or_not(engine: str) -> None:
    system = configuration().system
    with_tiles, without = (visible_system(system, used, engine) for used in (5, 0))
    for path in FIELDS:
        other = changed(system, path)
        hidden = invisible(path, engine)
        assert (visible_system(other, 5, engine) == with_tiles) == hidden, path
        hidden |= path.startswith(TILES)
        assert (visible_system(other, 0, engine) == without) == hidden, path
    assert visible_system(with_tiles, 5, engine) == with_tiles
    assert visible_system(without, 0, engine) == without
    assert with_tiles.tiles == 5 and visible_system(system, 6, engine) != with_tiles


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Plan, Path, RunResult]]:
    """Both programs of the network, with their results on the whole system."""
    config = configuration()
    prepared = prepare(config)
    assert prepared.mapped is not None
    found = {}
    for name, plan in (("digital", prepared.digital), ("mapped", prepared.mapped)):
        folder = tmp_path_factory.mktemp(name)
        elf = compile_generated(build(plan, config, prepared.images[:1], folder), folder)
        found[name] = (plan, elf, simulated(plan, elf, config.system))
    return found


def simulated(plan: Plan, elf: Path, system: SystemConfig) -> RunResult:
    """The result without the host's time, and without what printing took after the last region."""
    regions = {0: "programming"} | {i: n.name for i, n in enumerate(plan.network.nodes, start=1)}
    result = EmbeddedEngine().run(elf, system, regions, timeout_s=60)
    assert result.exit_code == 0
    return replace(result, host_seconds=0.0, simulated_ns=0.0)


@pytest.mark.parametrize("name", ["digital", "mapped"])
def test_the_visible_part_gives_what_the_whole_system_gives(
    name: str, programs: dict[str, tuple[Plan, Path, RunResult]]
) -> None:
    plan, elf, result = programs[name]
    system = configuration().system
    assert simulated(plan, elf, visible_system(system, plan.tiles_used, "embedded")) == result
    for path in FIELDS:
        if invisible(path, "embedded"):
            system = changed(system, path)
    assert simulated(plan, elf, system) == result


@pytest.mark.parametrize("path", [p for p in FIELDS if p.startswith(TILES)])
def test_tiles_change_no_result_of_a_digital_program(
    path: str, programs: dict[str, tuple[Plan, Path, RunResult]]
) -> None:
    plan, elf, result = programs["digital"]
    assert simulated(plan, elf, changed(configuration().system, path)) == result
