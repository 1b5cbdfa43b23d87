"""Programs with copies and with layers by turns, run on the embedded engine."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from harness.config.load import load_config
from harness.config.schema import Config
from harness.pipeline.job import run_job
from harness.pipeline.prepare import Prepared, prepare
from harness.pipeline.programs import SimulatedProgram, build, compile_generated, simulate
from harness.progress import Silent
from harness.report.programming import programming_of
from harness.report.result_file import read_result
from harness.stats.summary import PROGRAMMING
from tests.pipeline.networks import RandomNetwork

NOISE = ("system.tile.noise=true", "system.tile.read_noise_lsb=150")
SMALL_TILES = ("system.tile.rows=33", "system.tile.columns=17")


def configure(model: Path | str, *overrides: str, **run: object) -> Config:
    return load_config(
        system="alpine-hp", overrides=overrides, run={"model": str(model), "images": 2, **run}
    )


def simulated(config: Config, folder: Path) -> tuple[Prepared, SimulatedProgram]:
    """Every stage; `simulate` raises if any output byte differs from the reference's."""
    prepared = prepare(config)
    assert prepared.mapped is not None
    program = build(prepared.mapped, config, prepared.images[: config.run.images], folder)
    elf = compile_generated(program, folder)
    return prepared, simulate("mapped", prepared.mapped, program, elf, config)


@pytest.mark.parametrize("seed", range(6))
def test_random_networks_with_copies(seed: int, tmp_path: Path) -> None:
    path = RandomNetwork(seed).write(tmp_path / "net.onnx")
    config = configure(
        path,
        *SMALL_TILES,
        *NOISE,
        f"system.tile.io={('pio', 'dma')[seed % 2]}",
        f"system.tile.double_buffer={('true', 'false')[seed // 2 % 2]}",
        f"system.tile.adc_bits={6 + seed}",
        "system.tile.crossbar_latency_ns=3000",
        "system.tiles=1000",
        placement="replicate",
    )
    prepared, program = simulated(config, tmp_path)
    assert prepared.mapped is not None
    layers = prepared.mapped.analog
    assert any(layer.copies for layer in layers.values())
    nodes = {node.name: node for node in prepared.network.nodes}
    for row in program.summary.layers:
        if row.unit == "analog":
            layer = layers[row.name]
            pixels = int(np.prod(prepared.network.tensors[nodes[row.name].output].shape[:-1]))
            assert row.tiles == layer.tiles
            assert row.events["tile_mvms"] == config.run.images * pixels * len(layer.blocks)


@pytest.mark.parametrize("seed", range(6))
def test_random_networks_by_turns(seed: int, tmp_path: Path) -> None:
    path = RandomNetwork(seed).write(tmp_path / "net.onnx")
    overrides = (
        *SMALL_TILES,
        *NOISE,
        f"system.tile.io={('pio', 'dma')[seed % 2]}",
        f"system.tile.double_buffer={('true', 'false')[seed // 2 % 2]}",
        "system.tile.program_row_latency_ns=40",
    )
    everything = prepare(configure(path, *overrides, "system.tiles=1000")).mapped
    assert everything is not None
    # Enough for any layer's row blocks; the larger layers come in parts.
    at_once = max(
        sum(block.n0 == 0 for block in layer.blocks) for layer in everything.analog.values()
    )
    tiles = at_once + seed % 3
    config = configure(path, *overrides, f"system.tiles={tiles}", placement="reload")
    prepared, program = simulated(config, tmp_path)
    plan = prepared.mapped
    assert plan is not None
    assert plan.analog.keys() == everything.analog.keys()
    by_turns = [layer for layer in plan.analog.values() if layer.reloaded]
    for layer in plan.analog.values():
        assert (layer.part_count > 1) == (len(layer.blocks) > tiles)
    rows = [row for row in program.summary.layers if row.kind == PROGRAMMING]
    assert [row.name for row in rows] == [f"program {layer.name}" for layer in by_turns]
    for row, layer in zip(rows, by_turns, strict=True):
        cells = sum(block.rows * block.columns for block in layer.blocks)
        assert row.events["tile_cells_programmed"] == config.run.images * cells
        assert row.visits == config.run.images * layer.part_count
        assert row.time_ns >= 40 * max(block.rows for block in layer.blocks) * layer.part_count
        assert row.energy.tile_program_pj > 0
    others = [row for row in program.summary.layers if row.kind != PROGRAMMING]
    assert not any(row.events["tile_cells_programmed"] for row in others)


@pytest.mark.parametrize("policy", ["replicate", "reload"])
@pytest.mark.parametrize("io", ["pio", "dma"])
def test_where_nothing_is_to_share_the_program_is_the_resident_one(
    policy: str, io: str, tmp_path: Path
) -> None:
    """6 tiles hold all of LeNet-5, and no copy fits beside it."""
    programs = []
    for name in ("resident", policy):
        config = configure("lenet5", f"system.tile.io={io}", "system.tiles=6", placement=name)
        prepared = prepare(config)
        assert prepared.mapped is not None
        program = build(prepared.mapped, config, prepared.images[:2], tmp_path / name)
        programs.append(compile_generated(program, tmp_path / name).read_bytes())
    assert programs[0] == programs[1]


def test_the_report_of_layers_by_turns(tmp_path: Path) -> None:
    config = configure("lenet5", "system.tiles=3", placement="reload", images=1)
    finished = run_job(config, tmp_path, command=("test",), progress=Silent())
    comparison = read_result(finished.folder / "result.json")
    assert comparison == finished.comparison
    figures = programming_of(comparison)
    assert figures is not None and comparison.mapped is not None
    cells = sum(layer.energy.tile_program_pj for layer in comparison.mapped.layers)
    assert 0 < cells < figures.energy_pj < comparison.mapped.energy.total_pj
    content = json.loads((finished.folder / "result.json").read_text())
    assert "Programming at each inference" in content["statements"]["programming"]
    plan = json.loads((finished.folder / "plan.json").read_text())
    assert sum(layer.get("reloaded", False) for layer in plan["analog"]) == figures.layers == 4


def one_layer(path: Path, shape: tuple[int, int, int], kernel: tuple[int, int], out: int) -> Path:
    """An ONNX file with one convolution."""
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((out, shape[0], *kernel)).astype(np.float32)
    pads = [kernel[0] // 2, kernel[1] // 2] * 2
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="conv", pads=pads)
    size = [out, *shape[1:]]
    graph = helper.make_graph(
        [node],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", *shape])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", *size])],
        [numpy_helper.from_array(weight, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), path)
    return path


@pytest.mark.parametrize(
    ("shape", "kernel", "bands"),
    [((2, 90, 60), (3, 3), True), ((3, 1, 700), (1, 5), False), ((2, 700, 1), (5, 1), False)],
    ids=["several descriptors a tile", "one row", "one column"],
)
@pytest.mark.parametrize("io", ["pio", "dma"])
def test_long_layers_with_copies(
    shape: tuple[int, int, int], kernel: tuple[int, int], bands: bool, io: str, tmp_path: Path
) -> None:
    path = one_layer(tmp_path / "net.onnx", shape, kernel, 64)
    slow = "system.tile.crossbar_latency_ns=500"
    config = configure(path, f"system.tile.io={io}", slow, *NOISE, placement="replicate")
    prepared, program = simulated(config, tmp_path)
    assert prepared.mapped is not None
    copies = prepared.mapped.analog["conv"].copy_count
    assert copies >= 3
    (layer,) = program.summary.layers
    assert layer.events["tile_mvms"] == 2 * shape[1] * shape[2]
    if io == "dma":
        assert (layer.events["tile_dma_descriptors"] > 2 * copies) == bands
        assert layer.time_ns < shape[1] * shape[2] * 500 / 2
