"""What layers save, simulated once for all numbers of tiles, and the choice that follows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.cache.folder import OBJECTS, SIMULATIONS, cache_dir
from harness.config.load import load_config
from harness.config.schema import Config
from harness.errors import PlacementError
from harness.mapping.mapping import matrix_layers
from harness.mapping.resolve import resolve_mapping
from harness.pipeline import savings
from harness.pipeline.job import run_job
from harness.pipeline.prepare import prepare
from harness.pipeline.programs import build, compile_generated
from harness.pipeline.savings import layer_savings
from harness.pipeline.simulator import Simulator
from harness.progress import Silent
from harness.report.terminal import format_report
from tests.heard import Heard

SMALL_TILES = ("system.tile.rows=64", "system.tile.columns=64")
MLP = {"model": "mlp", "images": 1, "warmup": 0}


def configure(tiles: int, *overrides: str, **run: object) -> Config:
    overrides = (*SMALL_TILES, f"system.tiles={tiles}", *overrides)
    return load_config(system="alpine-hp", overrides=overrides, run={**MLP, **run})


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that has compiled kernels only."""
    folder, compiled = tmp_path_factory.mktemp("cache"), cache_dir().absolute() / OBJECTS
    compiled.mkdir(parents=True, exist_ok=True)
    (folder / OBJECTS).symlink_to(compiled)
    return folder


@pytest.fixture(autouse=True)
def own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIMC_CACHE", str(cache))


def simulations(cache: Path) -> int:
    folder = cache / SIMULATIONS
    return len(list(folder.iterdir())) if folder.is_dir() else 0


def test_a_sweep_over_tile_counts_simulates_the_savings_once(cache: Path) -> None:
    """Also as the programs of the run itself: all-digital, and all layers on tiles."""
    enough = prepare(configure(64))
    assert enough.mapped is not None and not enough.mapped.kept_digital
    assert simulations(cache) == 0  # nothing to choose
    stages: list[str] = []
    for tiles in range(enough.mapped.tiles_used - 1, 3, -5):
        heard = Heard()
        plan = prepare(configure(tiles), Simulator(heard)).mapped
        assert plan is not None and plan.kept_digital
        assert plan.tiles_used <= tiles
        assert simulations(cache) == 2
        reasons = " ".join(plan.kept_digital.values())
        assert "us of " in reasons or "longer than the core's" in reasons
        stages += heard.stages
    begins = "too few tiles for all layers: simulating what each saves"
    assert stages.count(begins) == 1 == stages.count("simulating the digital program")


def test_a_run_shares_its_programs_with_the_choice(cache: Path, tmp_path: Path) -> None:
    few = run_job(configure(3), tmp_path, command=(), progress=Silent()).comparison
    after_few = simulations(cache)
    made = run_job(configure(64), tmp_path, command=(), progress=Silent()).comparison
    assert simulations(cache) == after_few
    assert set(made.manifest.earlier_simulations) == {"digital", "mapped"}
    assert made.digital.layers == few.digital.layers


def test_the_selection_saves_what_the_simulations_say() -> None:
    config = configure(64)
    prepared = prepare(config)
    mapping = resolve_mapping("analog", prepared.network)
    saved = layer_savings(prepared.digital, mapping, config, prepared.images[:1], Simulator())
    assert set(saved) == set(matrix_layers(prepared.network))
    assert prepared.mapped is not None
    tiles = {name: len(layer.blocks) for name, layer in prepared.mapped.analog.items()}
    for capacity in range(1, sum(tiles.values())):
        plan = prepare(configure(capacity)).mapped
        assert plan is not None
        chosen = sum(saved[name].saved_ps for name in plan.analog)
        for name in plan.kept_digital:  # no layer that is left fits beside the chosen ones
            fits = tiles[name] + plan.tiles_used <= capacity
            assert not fits or saved[name].saved_ps <= 0
        alone = [saved[name].saved_ps for name in tiles if tiles[name] <= capacity]
        assert chosen >= max([0, *alone])


def test_layers_beyond_the_most_tiles_go_into_further_programs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = configure(64)
    prepared = prepare(config)
    assert prepared.mapped is not None
    tiles = {name: len(layer.blocks) for name, layer in prepared.mapped.analog.items()}
    most = max(tiles.values())
    monkeypatch.setattr(savings, "MOST_TILES", most)
    told: list[str] = []
    saved = layer_savings(
        prepared.digital,
        resolve_mapping("analog", prepared.network),
        config,
        prepared.images[:1],
        Simulator(),
        told.append,
    )
    assert set(saved) == set(tiles)
    assert len(told) > 2
    monkeypatch.setattr(savings, "MOST_TILES", most - 1)
    fewer = layer_savings(
        prepared.digital,
        resolve_mapping("analog", prepared.network),
        config,
        prepared.images[:1],
        Simulator(),
    )
    assert set(fewer) == {name for name, count in tiles.items() if count < most}


def test_a_layer_too_large_for_the_memory_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepared = prepare(configure(64))
    asked: list[int] = []
    largest = max(matrix_layers(prepared.network))
    real = savings.place

    def small_memory(network, mapping, *rest, **more):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN003, ANN202
        asked.append(len(mapping.analog))
        if largest in mapping.analog:
            raise PlacementError("weights and activations take more than the memory")
        return real(network, mapping, *rest, **more)

    monkeypatch.setattr(savings, "place", small_memory)
    saved = layer_savings(
        prepared.digital,
        resolve_mapping("analog", prepared.network),
        configure(64),
        prepared.images[:1],
        Simulator(),
    )
    assert set(saved) == set(matrix_layers(prepared.network)) - {largest}
    assert 0 not in asked


@pytest.mark.parametrize("mapping", ["analog", "file"])
def test_without_tiles_the_mapped_program_is_the_digital_one(mapping: str, tmp_path: Path) -> None:
    images = 2 if mapping == "analog" else 3  # a program of its own
    if mapping == "file":
        mapping = mapping_file(tmp_path)
    config = configure(0, mapping=mapping, images=images)
    finished = run_job(config, tmp_path / "runs", command=(), progress=Silent())
    programs = [finished.folder / name / "program.elf" for name in ("digital", "mapped")]
    assert programs[0].read_bytes() == programs[1].read_bytes()
    comparison = finished.comparison
    assert comparison.gain is not None and comparison.mapped is not None
    assert (comparison.gain.speed_up, comparison.gain.energy_gain) == (1.0, 1.0)
    assert comparison.mapped.layers == comparison.digital.layers
    assert comparison.manifest.earlier_simulations == {}
    text = " ".join(format_report(comparison).split())
    assert "0 analog layers on 0 of 0 tiles" in text
    assert "stays digital: needs" in text and "the system has none" in text
    assert "Speed-up 1.00x, energy gain 1.00x" in text
    result = json.loads((finished.folder / "result.json").read_text())
    assert result["summary"]["speed_up"] == 1.0
    assert ("layers that the mapping makes analog are" in text) == (mapping != "analog")


def mapping_file(folder: Path) -> str:
    layers = dict.fromkeys(matrix_layers(prepare(configure(64)).network), "analog")
    document = {"format": "aimc-mapping", "version": 1, "model": "mlp", "layers": layers}
    path = folder / "mapping.json"
    path.write_text(json.dumps(document))
    return str(path)


def test_a_mapping_file_with_too_few_tiles_is_cut_to_what_saves_most(tmp_path: Path) -> None:
    path = mapping_file(tmp_path)
    whole, cut = (prepare(configure(tiles, mapping=path)).mapped for tiles in (64, 3))
    as_wished = prepare(configure(3)).mapped
    assert whole is not None and cut is not None and as_wished is not None
    assert not whole.kept_digital and cut.kept_digital
    assert list(cut.analog) == list(as_wished.analog)
    assert cut.kept_digital == as_wished.kept_digital


@pytest.mark.parametrize("mapping", ["digital", "analog"])
def test_all_digital_programs_are_equal_whatever_the_tiles_are(
    mapping: str, tmp_path: Path
) -> None:
    """The program that a sweep over systems shares."""
    found = set()
    for index, overrides in enumerate(
        [
            ("system.tiles=0",),
            ("system.tiles=1", "system.tile.io=dma", "system.tile.adc_latency_ns=1"),
            ("system.tiles=999", "system.tile.rows=7", "system.tile.noise=true"),
            ("system.tiles=5", "system.attach=bus", "system.tile.double_buffer=true"),
        ]
    ):
        config = load_config(
            system="alpine-hp", overrides=overrides, run={**MLP, "mapping": "digital"}
        )
        prepared = prepare(config)
        plan = prepared.digital
        if mapping == "analog" and index == 0:
            mapped = prepare(configure(0)).mapped
            assert mapped is not None
            plan = mapped
        generated = build(plan, config, prepared.images[:1], tmp_path / str(index))
        found.add(compile_generated(generated, tmp_path / str(index)).read_bytes())
    assert len(found) == 1
