"""Copies of slow layers: who gets how many, which pixels each makes, and what they compute."""

from __future__ import annotations

import itertools
from math import prod
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.mapping.resolve import resolve_mapping
from harness.placement.layer_time import layer_time_ns
from harness.placement.place import place
from harness.placement.plan import Plan
from harness.placement.reference import run_plan
from harness.placement.replicate import Option, choose_copies, share_pixels, shares
from harness.placement.summary import plan_to_json
from harness.placement.tile_arithmetic import mvm as numpy_mvm
from harness.quant.program import QNetwork
from harness.quant.quantize import quantize, quantize_input
from tests.placement.systems import system_with
from tests.quant.networks import branching, plain, samples

Io = Literal["pio", "dma"]
TILES = {io: system_with(io=io).tile for io in ("pio", "dma")}


def network_of() -> QNetwork:
    graph = branching(1)
    return quantize(graph, samples(graph, 8))


def replicated(network: QNetwork, **system: object) -> Plan:
    return place(
        network, resolve_mapping("analog", network), system_with(**system), policy="replicate"
    )  # type: ignore[arg-type]


@settings(max_examples=200, deadline=None)
@given(
    height=st.integers(1, 20),
    width=st.integers(1, 20),
    copies=st.integers(1, 30),
    io=st.sampled_from(["pio", "dma"]),
)
def test_copies_make_every_pixel_once(height: int, width: int, copies: int, io: Io) -> None:
    tile = TILES[io]
    copies = min(copies, shares((height, width), tile))
    made = share_pixels((height, width), range(0, 3 * copies, 3), tile)
    assert [copy.first_tile for copy in made] == [3 * i for i in range(copies)]
    pixels = [copy.first + j * copy.step for copy in made for j in range(copy.pixels)]
    assert sorted(pixels) == list(range(height * width))
    counts = [copy.pixels for copy in made]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] >= 1
    unit = width if io == "dma" and height > 1 else 1
    assert counts[0] - counts[-1] <= unit
    if io == "dma" and height > 1:
        assert all(copy.first % width == 0 and copy.pixels % width == 0 for copy in made)


OPTIONS = st.lists(st.integers(0, 1000), min_size=1, max_size=4)


@settings(max_examples=200, deadline=None)
@given(
    layers=st.lists(st.tuples(OPTIONS, st.integers(1, 4)), min_size=1, max_size=4),
    spare=st.integers(0, 12),
)
def test_the_choice_is_the_best_of_all(layers: list[tuple[list[int], int]], spare: int) -> None:
    options = [[Option(i + 1, time) for i, time in enumerate(times)] for times, _ in layers]
    blocks = [tiles for _, tiles in layers]

    def cost(chosen: tuple[Option, ...]) -> tuple[int, int]:
        tiles = sum((o.copies - 1) * b for o, b in zip(chosen, blocks, strict=True))
        return sum(option.time_ps for option in chosen), tiles

    best = min(cost(chosen) for chosen in itertools.product(*options) if cost(chosen)[1] <= spare)
    copies = choose_copies(options, blocks, spare)
    taken = tuple(o[c - 1] for o, c in zip(options, copies, strict=True))
    assert cost(taken) == best


@pytest.mark.parametrize("io", ["pio", "dma"])
def test_without_spare_tiles_it_is_the_resident_plan(io: Io) -> None:
    network = network_of()
    mapping = resolve_mapping("analog", network)
    used = place(network, mapping, system_with(io=io)).tiles_used
    system = system_with(io=io, tiles=used)
    plans = [place(network, mapping, system, policy=policy) for policy in ("resident", "replicate")]
    assert plan_to_json(plans[0], system) == plan_to_json(plans[1], system)
    assert not any(layer.copies for layer in plans[1].analog.values())


def test_slow_tiles_get_copies_and_dense_layers_none() -> None:
    network = network_of()
    slow = {"io": "dma", "crossbar_latency_ns": 2000, "tiles": 64}
    system = system_with(**slow)  # type: ignore[arg-type]
    plan, resident = (
        place(network, resolve_mapping("analog", network), system, policy=policy)
        for policy in ("replicate", "resident")
    )
    copies = {name: layer.copy_count for name, layer in plan.analog.items()}
    assert copies["hidden"] == copies["logits"] == 1
    assert copies["stem"] > 1 and copies["left"] > 1
    tiles = [
        block.tile for layer in plan.analog.values() for _, own in layer.placed() for block in own
    ]
    assert sorted(tiles) == list(range(plan.tiles_used))
    assert plan.tiles_used <= 64
    for name, layer in plan.analog.items():
        assert [block.tile for block in layer.placed()[0][1]] == [
            block.tile for block in resident.analog[name].blocks
        ]


def test_nothing_is_copied_where_the_core_is_slower_than_the_tiles() -> None:
    plan = replicated(network_of(), io="pio", crossbar_latency_ns=1, tiles=64)
    assert not any(layer.copies for layer in plan.analog.values())


def test_more_copies_never_take_longer_at_the_tiles() -> None:
    system = system_with(io="dma", crossbar_latency_ns=1000)
    times = [layer_time_ns(30, 10, 64, -(-8 // c) * 8, c, system) for c in range(1, 9)]
    assert times[0] / times[7] > 4
    assert sorted(times, reverse=True)[:3] == times[:3]


@pytest.mark.parametrize("io", ["pio", "dma"])
@pytest.mark.parametrize("noise", [False, True])
def test_copies_compute_what_the_layer_does(io: Io, noise: bool) -> None:
    """Without noise the very bytes; with it, those of the tile that makes the pixel."""
    graph = plain()
    network = quantize(graph, samples(graph, 8))
    mapping = resolve_mapping("analog", network)
    system = system_with(io=io, crossbar_latency_ns=3000, noise=noise, output_noise_lsb=2.0)
    images = quantize_input(samples(graph, 3, 5), network.tensors[network.input].scale)
    resident = place(network, mapping, system)
    plan = place(network, mapping, system, policy="replicate")
    assert any(layer.copies for layer in plan.analog.values())
    outputs = run_plan(plan, system, images, first_epoch=4)
    independent = run_plan(plan, system, images, first_epoch=4, mvm=numpy_mvm)
    for name, values in outputs.items():
        assert np.array_equal(values, independent[name]), name
    same = [
        np.array_equal(values, outputs[name])
        for name, values in run_plan(resident, system, images, first_epoch=4).items()
    ]
    assert all(same) != noise


def test_the_summary_tells_of_copies() -> None:
    network = network_of()
    plan = replicated(network, io="dma", crossbar_latency_ns=2000, tiles=40)
    text = plan_to_json(plan, system_with(io="dma", tiles=40))
    assert text.count('"copies"') == sum(bool(layer.copies) for layer in plan.analog.values())
    pixels = {node.name: prod(network.tensors[node.output].shape[:2]) for node in network.nodes}
    for name, layer in plan.analog.items():
        assert sum(copy.pixels for copy in layer.copies) in (0, pixels[name])
