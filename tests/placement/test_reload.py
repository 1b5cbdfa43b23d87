"""Layers that share tiles: who stays, what the others compute, and what is refused."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.mapping.resolve import resolve_mapping
from harness.operators.dense import Dense
from harness.placement.cut import Extent
from harness.placement.footprint import utilisation
from harness.placement.layer_time import programming_time_ns
from harness.placement.place import place
from harness.placement.plan import Plan
from harness.placement.reference import run_plan
from harness.placement.reload import Reload, Turn, choose_turns
from harness.placement.summary import plan_to_json
from harness.placement.tile_arithmetic import mvm as numpy_mvm
from harness.quant.program import QNetwork
from harness.quant.quantize import quantize, quantize_input
from tests.placement.systems import system_with
from tests.quant.networks import graph_of, plain, samples


@pytest.fixture(scope="module")
def network() -> QNetwork:
    graph = plain()
    return quantize(graph, samples(graph, 8))


def reloaded(network: QNetwork, tiles: int, **tile: object) -> Plan:
    system = system_with(tiles=tiles, **tile)
    return place(network, resolve_mapping("analog", network), system, policy="reload")


@st.composite
def demands(draw: st.DrawFn) -> tuple[list[Reload], int]:
    """Layers, and tiles such that each can come by turns; some are too large to stay."""
    available = draw(st.integers(4, 16))
    made = []
    for _ in range(draw(st.integers(1, 6))):
        tiles, rows, time = (
            draw(st.integers(1, 20)),
            draw(st.integers(1, 4)),
            draw(st.integers(1, 100)),
        )
        sizes = [tiles] if tiles <= available else range(rows, available + 1, rows)
        made.append(Reload(tiles, tuple(Turn(size, time + 60 // size) for size in sizes)))
    return made, available


@settings(max_examples=300, deadline=None)
@given(case=demands())
def test_the_choice_is_the_best_of_all(case: tuple[list[Reload], int]) -> None:
    layers, available = case
    best = min(
        sum(turn.programming_ps for turn in turns if turn is not None)
        for turns in itertools.product(*((None, *layer.turns) for layer in layers))
        if tiles_of(layers, turns) <= available
    )
    chosen = choose_turns(layers, available)
    assert tiles_of(layers, chosen) <= available
    assert sum(turn.programming_ps for turn in chosen if turn is not None) == best


def tiles_of(layers: Sequence[Reload], turns: Sequence[Turn | None]) -> int:
    own = sum(layer.tiles for layer, turn in zip(layers, turns, strict=True) if turn is None)
    return own + max((turn.tiles for turn in turns if turn is not None), default=0)


def test_with_enough_tiles_it_is_the_resident_plan(network: QNetwork) -> None:
    mapping = resolve_mapping("analog", network)
    used = place(network, mapping, system_with()).tiles_used
    system = system_with(tiles=used)
    plans = [place(network, mapping, system, policy=policy) for policy in ("resident", "reload")]
    assert plan_to_json(plans[0], system) == plan_to_json(plans[1], system)


def test_all_wanted_layers_are_analog_on_few_tiles(network: QNetwork) -> None:
    everything = reloaded(network, 64)
    largest = max(len(layer.blocks) for layer in everything.analog.values())
    for tiles in range(largest, everything.tiles_used):
        plan = reloaded(network, tiles)
        assert plan.analog.keys() == everything.analog.keys()
        assert not plan.kept_digital
        assert plan.tiles_used <= tiles
        by_turns = [layer for layer in plan.analog.values() if layer.reloaded]
        assert len(by_turns) >= 2
        own = [b.tile for layer in plan.analog.values() if not layer.reloaded for b in layer.blocks]
        shared = {block.tile for layer in by_turns for block in layer.blocks}
        assert len(set(own)) == len(own)
        assert not shared & set(own)
        use = utilisation(plan, system_with(tiles=tiles))
        assert use.cells_used <= use.cells


def test_mvms_are_numbered_through_the_layers_on_a_tile(network: QNetwork) -> None:
    plan = reloaded(network, 2)
    pixels = {
        node.name: int(np.prod(network.tensors[node.output].shape[:-1])) for node in network.nodes
    }
    made: dict[int, int] = {}
    for name, layer in plan.analog.items():
        for block in layer.blocks:
            assert block.first_mvm == made.get(block.tile, 0)
            made[block.tile] = block.first_mvm + pixels[name]
    assert any(block.first_mvm for layer in plan.analog.values() for block in layer.blocks)


@pytest.mark.parametrize("noise", [False, True])
def test_it_computes_what_resident_layers_do(network: QNetwork, noise: bool) -> None:
    mapping = resolve_mapping("analog", network)
    tile = {"noise": noise, "output_noise_lsb": 2.0}
    few, many = system_with(tiles=2, **tile), system_with(tiles=64, **tile)
    images = quantize_input(samples(plain(), 3, 5), network.tensors[network.input].scale)
    plan = place(network, mapping, few, policy="reload")
    outputs = run_plan(plan, few, images, first_epoch=4)
    independent = run_plan(plan, few, images, first_epoch=4, mvm=numpy_mvm)
    for name, values in outputs.items():
        assert np.array_equal(values, independent[name]), name
    resident = run_plan(place(network, mapping, many), many, images, first_epoch=4)
    assert all(np.array_equal(values, outputs[name]) for name, values in resident.items()) != noise


def wide() -> QNetwork:
    """A layer of 2 x 5 blocks, and one of 3 x 1."""
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal(shape).astype(np.float32) for shape in ((80, 50), (10, 80))]
    graph = graph_of(
        [
            Dense("hidden", ("x",), "hidden", weights[0], np.zeros(80, np.float32)),
            Dense("logits", ("hidden",), "logits", weights[1], np.ones(10, np.float32)),
        ],
        (1, 50),
    )
    return quantize(graph, samples(graph, 8))


@pytest.mark.parametrize("tiles", [3, 4, 5, 7, 9, 12])
def test_a_layer_that_is_too_large_comes_in_parts(tiles: int) -> None:
    network = wide()
    plan = reloaded(network, tiles)
    assert not plan.kept_digital
    hidden = plan.analog["hidden"]
    assert (hidden.parts != ()) == (tiles < 10)
    covered = [i for first, end in hidden.parts for i in range(first, end)]
    assert covered == list(range(10 if hidden.parts else 0))
    assert plan.tiles_used <= tiles
    for first, end in hidden.parts:
        part = hidden.blocks[first:end]
        assert len({block.tile for block in part}) == len(part) <= hidden.tiles
        assert {sum(b.n0 == block.n0 for b in part) for block in part} == {2}
    made: dict[int, int] = {}
    for layer in plan.analog.values():
        for block in layer.blocks:
            assert block.first_mvm == made.get(block.tile, 0)
            made[block.tile] = block.first_mvm + 1


def test_row_blocks_that_are_too_many_stay_digital() -> None:
    network = wide()
    plan = reloaded(network, 2)
    assert plan.kept_digital == {"logits": "needs 3 tiles at once; the system has 2"}
    assert plan.analog["hidden"].part_count == 5
    assert reloaded(network, 3).analog.keys() == {"hidden", "logits"}
    none = reloaded(network, 0)
    assert none.analog == {}
    assert none.kept_digital["logits"] == "needs 3 tiles at once; the system has none"


def test_programming_takes_rows_one_after_the_other_and_tiles_at_once() -> None:
    slow = system_with(io="dma", program_row_latency_ns=1000, rows=32)
    one = programming_time_ns([Extent(0, 32, 0, 16)], slow)
    assert one == pytest.approx(32 * 1000, rel=0.05)
    assert programming_time_ns([Extent(0, 32, 0, 16)] * 8, slow) == one
    quick = system_with(io="pio", program_row_latency_ns=0)
    assert programming_time_ns([Extent(0, 32, 0, 16)] * 8, quick) == pytest.approx(
        8 * programming_time_ns([Extent(0, 32, 0, 16)], quick)
    )
