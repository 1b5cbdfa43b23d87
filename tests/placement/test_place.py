"""Plans: where every weight goes, which layers stay digital, and what is refused."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import PlacementError
from harness.mapping.conductance import conductances_of
from harness.mapping.mapping import LayerMapping
from harness.mapping.resolve import resolve_mapping
from harness.operators.conv import Conv, QConv
from harness.operators.dense import Dense, QDense
from harness.placement.footprint import memory_bytes, utilisation
from harness.placement.memory import plan_buffers
from harness.placement.place import place
from harness.placement.plan import Plan
from harness.placement.saving import LayerSaving
from harness.placement.summary import plan_to_json
from harness.quant.macs import node_macs
from harness.quant.program import QNetwork
from harness.quant.quantize import quantize
from tests.placement.systems import system_with
from tests.quant.networks import branching, conv, graph_of, plain, samples

# Layers of `branching` and their tiles of 32 x 16; multiply-accumulates of one image.
DEMAND = {
    "stem": (27, 8, 1, 9 * 12 * 216),
    "left": (72, 8, 3, 9 * 10 * 576),
    "left_skip": (24, 8, 1, 9 * 10 * 192),
    "hidden": (120, 16, 4, 1920),
    "logits": (16, 10, 1, 160),
}


@pytest.fixture(scope="module")
def network() -> QNetwork:
    graph = branching()
    return quantize(graph, samples(graph, 16))


def analog(network: QNetwork) -> LayerMapping:
    return resolve_mapping("analog", network)


def insisting(network: QNetwork, *names: str) -> LayerMapping:
    mapping = resolve_mapping("digital", network)
    layers = dict(mapping.layers) | dict.fromkeys(names, "analog")
    return replace(mapping, layers=layers, insists=True)  # type: ignore[arg-type]


def saving_by_work() -> dict[str, LayerSaving]:
    """As if tiles saved a nanosecond for each multiply-accumulate."""
    return {name: LayerSaving(macs, 0.0, 1.0, 1.0) for name, (*_, macs) in DEMAND.items()}


def check_blocks(plan: Plan, rows: int, columns: int) -> None:
    """Every weight on exactly one block, every block on a tile of its own, in layer order."""
    tiles = [block.tile for layer in plan.analog.values() for block in layer.blocks]
    assert tiles == list(range(plan.tiles_used))
    order = [node.name for node in plan.network.nodes if node.name in plan.analog]
    assert list(plan.analog) == order
    for node in plan.network.nodes:
        if node.name not in plan.analog:
            continue
        assert isinstance(node, QConv | QDense)
        layer = plan.analog[node.name]
        matrix = node.weight_float.reshape(node.weight.shape[0], -1).T
        assert matrix.shape == (layer.rows, layer.columns)
        conductance, unit = conductances_of(matrix)
        covered = np.zeros(matrix.shape, np.int64)
        scales: dict[int, tuple[list[int], list[int]]] = {}
        for block in layer.blocks:
            assert 1 <= block.rows <= rows
            assert 1 <= block.columns <= columns
            assert block.adc_multiplier.shape == block.adc_shift.shape == (block.columns,)
            assert ((block.adc_shift >= 17) & (block.adc_shift <= 62)).all()
            multiplier = block.adc_multiplier
            assert ((multiplier >= 2**15) | (multiplier == 0)).all()
            where = np.s_[block.k0 : block.k0 + block.rows, block.n0 : block.n0 + block.columns]
            covered[where] += 1
            assert np.array_equal(block.conductance, conductance[where])
            assert block.conductance.flags.c_contiguous
            shared = (multiplier.tolist(), block.adc_shift.tolist())
            assert scales.setdefault(block.n0, shared) == shared
        assert (covered == 1).all()
        keys = [(block.n0, block.k0) for block in layer.blocks]
        assert keys == sorted(keys)
        assert np.abs(conductance * unit - matrix).max() <= np.abs(matrix).max() / 65000
        worst = np.abs(layer.bias.astype(np.int64)) + len(layer.blocks) * 2**7 * 256
        assert int(worst.max()) < 2**31


def test_all_layers_on_tiles(network: QNetwork) -> None:
    plan = place(network, analog(network), system_with())
    assert list(plan.analog) == list(DEMAND)
    assert {name: len(layer.blocks) for name, layer in plan.analog.items()} == {
        name: tiles for name, (_, _, tiles, _) in DEMAND.items()
    }
    assert plan.tiles_used == 10
    assert not plan.kept_digital
    check_blocks(plan, 32, 16)


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(1, 150), columns=st.integers(1, 30), tiles=st.integers(30, 1024))
def test_any_geometry(network: QNetwork, rows: int, columns: int, tiles: int) -> None:
    system = system_with(rows=rows, columns=columns, tiles=tiles)
    plan = place(network, analog(network), system, saving_by_work)
    assert plan.tiles_used <= tiles
    assert set(plan.analog) | set(plan.kept_digital) == set(DEMAND)
    assert not set(plan.analog) & set(plan.kept_digital)
    check_blocks(plan, rows, columns)


@pytest.mark.parametrize("insists", [False, True])
def test_too_few_tiles_go_where_they_save_most(network: QNetwork, insists: bool) -> None:
    mapping = insisting(network, *DEMAND) if insists else analog(network)
    # stem, left and left_skip take 5 tiles; hidden needs 4, 2 are left; logits still fits.
    plan = place(network, mapping, system_with(tiles=7), saving_by_work)
    assert list(plan.analog) == ["stem", "left", "left_skip", "logits"]
    assert plan.tiles_used == 6
    assert list(plan.kept_digital) == ["hidden"]
    assert "the 7 tiles save most with stem, left, left_skip and logits" in str(plan.kept_digital)
    check_blocks(plan, 32, 16)
    # Exactly: left with 3 tiles, not stem and left_skip with 2.
    assert list(place(network, mapping, system_with(tiles=3), saving_by_work).analog) == ["left"]


def test_a_caller_without_savings_must_have_tiles(network: QNetwork) -> None:
    mapping = insisting(network, "left", "hidden")
    plan = place(network, mapping, system_with(tiles=7))
    assert list(plan.analog) == ["left", "hidden"]
    with pytest.raises(PlacementError, match="more tiles than the system has"):
        place(network, mapping, system_with(tiles=6))


@pytest.mark.parametrize("insists", [False, True])
def test_without_tiles_that_suffice_for_a_layer_all_is_digital(
    network: QNetwork, insists: bool
) -> None:
    mapping = insisting(network, *DEMAND) if insists else analog(network)
    plan = place(network, mapping, system_with(tiles=0))
    assert not plan.analog and plan.tiles_used == 0
    assert list(plan.kept_digital) == list(DEMAND)
    assert plan.kept_digital["left"] == "needs 3 tiles, the system has none"
    plan = place(network, mapping, system_with(rows=1, columns=1, tiles=3))
    assert not plan.analog
    assert plan.kept_digital["left"] == "needs 576 tiles, the system has 3"


def test_the_digital_mapping_needs_no_tiles(network: QNetwork) -> None:
    plan = place(network, resolve_mapping("digital", network), system_with(tiles=0))
    assert plan.tiles_used == 0
    assert not plan.analog
    assert not plan.kept_digital


def test_too_many_partial_sums_for_an_accumulator() -> None:
    weight = np.random.default_rng(0).normal(size=(2, 300)).astype(np.float32)
    graph = graph_of([Dense("wide", ("x",), "wide", weight, np.zeros(2, np.float32))], (1, 300))
    network = quantize(graph, samples(graph, 4))
    fine = system_with(rows=3, adc_bits=16, tiles=1024)
    place(network, analog(network), fine)
    narrow = system_with(rows=2, adc_bits=16, tiles=1024)
    assert "partial sums" in place(network, analog(network), narrow).kept_digital["wide"]
    with pytest.raises(PlacementError, match="150 partial sums of 16 bits"):
        place(network, insisting(network, "wide"), narrow)


def test_windows_beyond_a_tiles_job() -> None:
    layer = conv(np.random.default_rng(0), "c", "x", (2, 3), (3, 3), dilation=(256, 1))
    graph = graph_of([layer], (1, 2, 600, 5))
    network = quantize(graph, samples(graph, 1))
    with pytest.raises(PlacementError, match="at most 255"):
        place(network, insisting(network, "c"), system_with())


def test_a_program_must_fit_the_memory(network: QNetwork) -> None:
    system = system_with()
    plan = place(network, analog(network), system)
    conductances = sum(2 * rows * columns for rows, columns, _, _ in DEMAND.values())
    assert memory_bytes(plan) > conductances
    weight = np.ones((1100, 1024), np.float32)
    graph = graph_of([Dense("huge", ("x",), "huge", weight, np.zeros(1100, np.float32))], (1, 1024))
    huge = quantize(graph, samples(graph, 1))
    small = system.model_copy(update={"memory": system.memory.model_copy(update={"size_mib": 1})})
    with pytest.raises(PlacementError, match="the memory has 1 MiB"):
        place(huge, resolve_mapping("digital", huge), small)
    place(huge, resolve_mapping("digital", huge), system)


def test_the_use_of_the_tiles(network: QNetwork) -> None:
    system = system_with(tiles=7)
    use = utilisation(place(network, analog(network), system, saving_by_work), system)
    cells = sum(DEMAND[name][0] * DEMAND[name][1] for name in DEMAND if name != "hidden")
    assert (use.tiles_used, use.tiles) == (6, 7)
    assert (use.cells_used, use.cells) == (cells, 6 * 32 * 16)
    assert use.macs_analog == sum(DEMAND[name][3] for name in DEMAND if name != "hidden")
    grouped = 9 * 10 * (8 * 9 + 4 * 4)
    assert use.macs == use.macs_analog + DEMAND["hidden"][3] + grouped
    assert [
        (layer.name, layer.rows, layer.columns, layer.tiles, layer.cells, layer.macs)
        for layer in use.layers
    ] == [
        (name, rows, columns, tiles, rows * columns, macs)
        for name, (rows, columns, tiles, macs) in DEMAND.items()
        if name != "hidden"
    ]


def test_a_program_takes_weights_scales_and_activations(network: QNetwork) -> None:
    system = system_with(tiles=7)
    plan = place(network, analog(network), system, saving_by_work)
    layers = [*DEMAND, "depthwise", "grouped"]
    columns = [*(DEMAND[name][1] for name in DEMAND), 8, 4]
    digital = 120 * 16 + 8 * 9 + 4 * 4  # hidden and the convolutions with groups
    conductances = 2 * sum(DEMAND[n][0] * DEMAND[n][1] for n in DEMAND if n != "hidden")
    converters = 4 * (8 + 3 * 8 + 8 + 10)  # left has three blocks of all its columns
    expected = plan_buffers(network).arena_bytes + 3 * 9 * 12
    expected += digital + conductances + converters + 12 * sum(columns)
    assert len(layers) == len(columns)
    assert memory_bytes(plan) == expected
    assert utilisation(plan, system).memory_bytes == expected


def test_the_summary_is_small_json(network: QNetwork) -> None:
    system = system_with(tiles=7)
    plan = place(network, analog(network), system, saving_by_work)
    text = plan_to_json(plan, system)
    assert len(text) < 12_000
    document = json.loads(text)
    use = utilisation(plan, system)
    assert document.pop("utilisation") == {
        **asdict(use),
        "layers": [asdict(layer) for layer in use.layers],
    }
    kinds = {QConv: "Conv", QDense: "Dense"}
    layers = document.pop("layers")
    assert [layer["name"] for layer in layers] == [node.name for node in network.nodes]
    for layer, node in zip(layers, network.nodes, strict=True):
        if type(node) in kinds:
            assert layer == {
                "name": node.name,
                "operator": kinds[type(node)],
                "unit": "analog" if node.name in plan.analog else "digital",
                "macs": node_macs(network, node),
            }
    first = document.pop("analog")
    assert [layer["name"] for layer in first] == ["stem", "left", "left_skip", "logits"]
    assert document == {
        "format": "aimc-plan",
        "version": 1,
        "network": "net",
        "system": system.name,
        "random_weights": network.random_weights,
        "kept_digital": {"hidden": plan.kept_digital["hidden"]},
        "tiles_wanted": 10,
    }
    left = plan.analog["left"]
    blocks = first[1].pop("blocks")
    assert first[1] == {
        "name": "left",
        "rows": 72,
        "columns": 8,
        "bias": left.bias.tolist(),
        "requant": {
            "multiplier": left.requant.multiplier.tolist(),
            "shift": left.requant.shift.tolist(),
            "low": left.requant.low,
            "high": left.requant.high,
        },
    }
    for shown, block in zip(blocks, left.blocks, strict=True):
        assert shown == {
            "tile": block.tile,
            "k0": block.k0,
            "rows": block.rows,
            "n0": 0,
            "columns": 8,
            "conductance": {
                "shape": [block.rows, 8],
                "dtype": "int16",
                "min": int(block.conductance.min()),
                "max": int(block.conductance.max()),
            },
            "adc_multiplier": block.adc_multiplier.tolist(),
            "adc_shift": block.adc_shift.tolist(),
        }


def test_programming_uses_the_whole_range_of_each_column() -> None:
    rng = np.random.default_rng(0)
    weights = (rng.normal(size=(50, 4)) * [1e-30, 1, 0, 1e20]).astype(np.float32)
    conductance, unit = conductances_of(weights)
    assert np.abs(conductance).max(axis=0).tolist() == [32767, 32767, 0, 32767]
    assert unit[2] == 0
    assert (np.abs(conductance * unit - weights) <= np.abs(weights).max(axis=0) / 65e3).all()


def test_placing_is_deterministic(network: QNetwork) -> None:
    system = system_with()
    first, second = (place(network, analog(network), system) for _ in range(2))
    assert plan_to_json(first, system) == plan_to_json(second, system)


def test_a_convolution_in_the_plan_keeps_its_activation() -> None:
    graph = plain()
    network = quantize(graph, samples(graph, 8))
    assert isinstance(graph.nodes[0], Conv)
    plan = place(network, analog(network), system_with())
    node = network.nodes[0]
    assert isinstance(node, QConv)
    assert (plan.analog["first"].requant.low, plan.analog["first"].requant.high) == (
        node.requant.low,
        node.requant.high,
    )
