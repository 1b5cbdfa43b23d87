"""Layers that share tiles: who stays, what the others compute, and what is refused."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import PlacementError
from harness.mapping.resolve import resolve_mapping
from harness.placement.cut import Extent
from harness.placement.footprint import utilisation
from harness.placement.layer_time import programming_time_ns
from harness.placement.place import place
from harness.placement.plan import Plan
from harness.placement.reference import run_plan
from harness.placement.reload import Reload, choose_resident
from harness.placement.summary import plan_to_json
from harness.placement.tile_arithmetic import mvm as numpy_mvm
from harness.quant.program import QNetwork
from harness.quant.quantize import quantize, quantize_input
from tests.placement.systems import system_with
from tests.quant.networks import plain, samples


@pytest.fixture(scope="module")
def network() -> QNetwork:
    graph = plain()
    return quantize(graph, samples(graph, 8))


def reloaded(network: QNetwork, tiles: int, **tile: object) -> Plan:
    system = system_with(tiles=tiles, **tile)
    return place(network, resolve_mapping("analog", network), system, "reload")


@settings(max_examples=300, deadline=None)
@given(
    layers=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 100)), min_size=1, max_size=6),
    spare=st.integers(0, 20),
)
def test_the_choice_is_the_best_of_all(layers: list[tuple[int, int]], spare: int) -> None:
    demands = [Reload(tiles, time) for tiles, time in layers]
    available = max(demand.tiles for demand in demands) + spare
    everyone = range(len(demands))

    def fits(stay: frozenset[int]) -> bool:
        shared = max((demands[i].tiles for i in everyone if i not in stay), default=0)
        return sum(demands[i].tiles for i in stay) + shared <= available

    def programming(stay: frozenset[int]) -> int:
        return sum(demands[i].programming_ps for i in everyone if i not in stay)

    subsets = [
        frozenset(stay)
        for n in range(len(demands) + 1)
        for stay in itertools.combinations(everyone, n)
    ]
    best = min(programming(stay) for stay in subsets if fits(stay))
    stay = choose_resident(demands, available)
    assert fits(stay)
    assert programming(stay) == best


def test_with_enough_tiles_it_is_the_resident_plan(network: QNetwork) -> None:
    mapping = resolve_mapping("analog", network)
    used = place(network, mapping, system_with()).tiles_used
    system = system_with(tiles=used)
    plans = [place(network, mapping, system, policy) for policy in ("resident", "reload")]
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
    plan = place(network, mapping, few, "reload")
    outputs = run_plan(plan, few, images, first_epoch=4)
    independent = run_plan(plan, few, images, first_epoch=4, mvm=numpy_mvm)
    for name, values in outputs.items():
        assert np.array_equal(values, independent[name]), name
    resident = run_plan(place(network, mapping, many), many, images, first_epoch=4)
    assert all(np.array_equal(values, outputs[name]) for name, values in resident.items()) != noise


def test_a_layer_that_is_too_large_alone_stays_digital(network: QNetwork) -> None:
    sizes = {n: len(layer.blocks) for n, layer in reloaded(network, 64).analog.items()}
    largest = max(sizes, key=lambda name: sizes[name])
    plan = reloaded(network, sizes[largest] - 1)
    assert largest not in plan.analog
    assert plan.kept_digital[largest] == (
        f"needs {sizes[largest]} tiles at once; the system has {sizes[largest] - 1}"
    )


def test_a_mapping_that_insists_fits_if_each_layer_does(network: QNetwork) -> None:
    mapping = replace(resolve_mapping("analog", network), insists=True)
    largest = max(len(layer.blocks) for layer in reloaded(network, 64).analog.values())
    plan = place(network, mapping, system_with(tiles=largest), "reload")
    assert set(plan.analog) == set(mapping.analog)
    with pytest.raises(PlacementError, match="tiles at once; the system has"):
        place(network, mapping, system_with(tiles=largest - 1), "reload")
    with pytest.raises(PlacementError, match="the system has 0"):
        place(network, resolve_mapping("analog", network), system_with(tiles=0), "reload")


def test_programming_takes_rows_one_after_the_other_and_tiles_at_once() -> None:
    slow = system_with(io="dma", program_row_latency_ns=1000, rows=32)
    one = programming_time_ns([Extent(0, 32, 0, 16)], slow)
    assert one == pytest.approx(32 * 1000, rel=0.05)
    assert programming_time_ns([Extent(0, 32, 0, 16)] * 8, slow) == one
    quick = system_with(io="pio", program_row_latency_ns=0)
    assert programming_time_ns([Extent(0, 32, 0, 16)] * 8, quick) == pytest.approx(
        8 * programming_time_ns([Extent(0, 32, 0, 16)], quick)
    )
