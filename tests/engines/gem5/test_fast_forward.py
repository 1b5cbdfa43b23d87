"""What is measured of a run that begins on gem5's atomic core; only the last tests need a gem5."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.config.load import config_from_yaml, config_hash, config_to_yaml, load_config
from harness.engines.embedded.engine import EmbeddedEngine
from harness.engines.gem5.engine import Gem5Engine, run_settings
from harness.engines.gem5.events import dump_events
from harness.engines.gem5.fast_forward import groups_of, measured, region_number
from harness.engines.gem5.outcome import Visit, read_ending
from harness.engines.gem5.statistics import read_dumps
from harness.engines.registry import check_config
from harness.errors import ConfigError, EngineError
from harness.pipeline.prepare import prepare
from harness.pipeline.programs import build, compile_generated

DATA = Path(__file__).parent / "data" / "lenet5-analog"
NAME = "alpine-hp"
REGIONS = {0: "programming", 1: "conv1", 2: "pool1"}
GEM5 = {"model": "lenet5", "engine": "gem5", "images": 1, "warmup": 1}


def visits(*regions: tuple[int, bool]) -> list[Visit]:
    return [
        Visit(dump, region, 0, 10 * dump, 10 * dump + 5, detailed)
        for dump, (region, detailed) in enumerate(regions)
    ]


def test_a_region_is_named_by_name_or_number() -> None:
    assert region_number("1", REGIONS) == region_number("conv1", REGIONS) == 1
    assert region_number("0", REGIONS) == 0
    for unknown in ("3", "01", "conv"):
        with pytest.raises(EngineError, match=f"no region {unknown!r}(.|\n)*pool1"):
            region_number(unknown, REGIONS)


def test_the_programming_before_it_has_no_figures() -> None:
    layers = ((1, True), (2, True))
    assert measured(visits((0, False), *layers), REGIONS) == {1: "conv1", 2: "pool1"}
    assert measured(visits((0, True), *layers), REGIONS) == REGIONS
    assert measured(visits(*layers), REGIONS) == REGIONS


@pytest.mark.parametrize(
    "ran",
    [
        ((0, False), (1, False), (2, True)),
        ((0, False), (1, False), (2, True), (1, True), (2, True)),
        ((0, False), (1, False), (2, False)),
        ((0, False),),
        (),
    ],
)
def test_no_layer_loses_an_execution(ran: tuple[tuple[int, bool], ...]) -> None:
    with pytest.raises(EngineError, match="have no figures") as refusal:
        measured(visits(*ran), REGIONS)
    if (1, False) in ran:
        assert "conv1" in str(refusal.value)
        assert refusal.value.hint == "name the region that an inference begins with: 1 (conv1)"


def test_the_detailed_core_takes_over_the_caches() -> None:
    """The recorded run, with its core's own statistics under the name of the detailed core."""
    ending = read_ending(DATA)
    (fast,), detailed = ending.cores, "system.cluster.detailed"
    both = replace(ending, cores=(fast, detailed))
    system = load_config(system=NAME).system
    own, shared = (groups_of(e, fast_forwarded=e is both) for e in (ending, both))
    assert (shared.cores, shared.cache_owners) == ((detailed,), (fast,))
    dump = list(read_dumps(DATA / "stats.txt.gz"))[1]
    moved = {
        name.replace(fast, detailed) if "cache" not in name else name: value
        for name, value in dump.values.items()
    }
    events = dump_events(replace(dump, values=moved), shared, system)
    assert events == dump_events(dump, own, system)
    for wrong, fast_forwarded in ((ending, True), (both, False), (replace(both, cores=()), True)):
        with pytest.raises(EngineError, match="cores and 1 meters"):
            groups_of(wrong, fast_forwarded=fast_forwarded)


def test_the_configuration_has_it_only_where_it_is_used() -> None:
    plain = load_config(system=NAME, run=GEM5)
    assert plain.run.fast_forward is None
    assert "fast_forward" not in config_to_yaml(plain)
    for text, value in (("conv1", "conv1"), ("1", "1"), ("null", None)):
        config = load_config(system=NAME, overrides=[f"run.fast_forward={text}"], run=GEM5)
        assert config.run.fast_forward == value
        assert config_from_yaml(config_to_yaml(config), where="test") == config
        assert (config_hash(config) == config_hash(plain)) == (value is None)
    elf = Path("p.elf")
    assert run_settings(elf, plain.system, fast_forward_to=1)["fast_forward_to"] == 1


def test_the_embedded_engine_has_no_fast_forward() -> None:
    config = load_config(system=NAME, run={**GEM5, "engine": "embedded", "fast_forward": "1"})
    with pytest.raises(ConfigError, match=r"run\.fast_forward is of gem5"):
        check_config(config)
    with pytest.raises(ConfigError, match=r"run\.fast_forward is of gem5"):
        EmbeddedEngine().run(Path("p.elf"), config.system, {}, timeout_s=1.0, fast_forward="1")
    for wrong in ("", "x" * 257, True, [1], 1):
        with pytest.raises(ConfigError, match=r"run\.fast_forward"):
            load_config(system=NAME, run={**GEM5, "fast_forward": wrong})


def test_programming_and_warm_up_are_skipped_on_gem5(gem5: Path, tmp_path: Path) -> None:
    config = load_config(
        system=NAME,
        overrides=["system.tiles=12", "system.tile.io=dma"],
        run={**GEM5, "mapping": "analog"},
    )
    prepared = prepare(config)
    assert prepared.mapped is not None
    program = build(prepared.mapped, config, prepared.images[:1], tmp_path)
    elf = compile_generated(program, tmp_path)
    first = program.regions[1]
    whole = Gem5Engine(gem5).run(elf, config.system, program.regions, timeout_s=600.0)
    result = Gem5Engine(gem5).run(
        elf, config.system, program.regions, timeout_s=600.0, fast_forward=first
    )

    assert result.exit_code == whole.exit_code == 0
    assert result.console == whole.console
    assert whole.regions[0].name == "programming"
    assert [r.name for r in result.regions] == [r.name for r in whole.regions[1:]]
    lines = (tmp_path / "gem5" / "regions.jsonl").read_text().splitlines()
    assert [json.loads(line)["detailed"] for line in lines] == [False] + [True] * (len(lines) - 1)
    for ours, theirs in zip(result.regions, whole.regions[1:], strict=True):
        assert ours.visits == theirs.visits
        for event in ("tile_mvms", "tile_adc_conversions", "tile_bytes_in", "dot_ops"):
            assert ours.events[event] == theirs.events[event], (ours.name, event)
        if not theirs.events["tile_mvms"]:  # else its polls depend on the time
            assert abs(ours.events["instructions"] - theirs.events["instructions"]) <= 2
        assert ours.events["cycles"] > 0
    # The warm-up is not in it either.
    assert sum(region.time_ns for region in result.regions) <= result.simulated_ns
    assert result.simulated_ns < whole.simulated_ns
    # The atomic core leaves warm caches, but no trained branch predictor: 0.4 % when last measured.
    ours_ns = sum(region.time_ns for region in result.regions)
    theirs_ns = sum(region.time_ns for region in whole.regions[1:])
    assert ours_ns == pytest.approx(theirs_ns, rel=0.02)

    with pytest.raises(EngineError, match=f"have no figures: {first}"):
        Gem5Engine(gem5).run(
            elf, config.system, program.regions, timeout_s=600.0, fast_forward=program.regions[2]
        )
