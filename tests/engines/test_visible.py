"""What a program can see of a system: that, and nothing else, names and changes its result.

Every number of a system is changed in turn, by a network with a layer on tiles and one without.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.config.schema import SystemConfig
from harness.engines.embedded.engine import EmbeddedEngine
from harness.engines.protocol import RunResult
from harness.engines.visible import visible_system
from harness.pipeline.prepare import prepare
from harness.pipeline.programs import build, compile_generated
from harness.placement.plan import Plan
from tests.engines.embedded.other_values import FIELDS, changed, configuration, other_value

TILES = ("system.tile.", "system.attach.")


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
