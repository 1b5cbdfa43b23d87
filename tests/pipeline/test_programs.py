"""Generated programs, run on the embedded engine, give the reference's bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.config.load import load_config
from harness.config.schema import Config
from harness.errors import StatsError
from harness.pipeline.prepare import Prepared, prepare
from harness.pipeline.programs import (
    SimulatedProgram,
    build,
    compile_generated,
    read_predictions,
    simulate,
)
from harness.placement.plan import Plan
from tests.pipeline.networks import RandomNetwork

NOISE = ("system.tile.noise=true", "system.tile.read_noise_lsb=150")


def configure(model: str, *overrides: str, **run: object) -> Config:
    return load_config(
        system="alpine-hp", overrides=overrides, run={"model": model, "warmup": 0, **run}
    )


def run_plan(plan: Plan, prepared: Prepared, config: Config, folder: Path) -> SimulatedProgram:
    """Every stage after placement; `simulate` raises if any output byte differs."""
    program = build(plan, config, prepared.images[: config.run.images], folder)
    elf = compile_generated(program, folder)
    return simulate(folder.name, plan, program, elf, config)


@pytest.mark.parametrize("model", ["lenet5", "mlp", "resnet20"])
@pytest.mark.parametrize("kernels", ["neon", "reference"])
def test_digital_programs_equal_the_reference(model: str, kernels: str, tmp_path: Path) -> None:
    config = configure(model, mapping="digital", kernels=kernels)
    prepared = prepare(config)
    simulated = run_plan(prepared.digital, prepared, config, tmp_path)
    assert simulated.summary.macs == prepared.model.summary.macs
    assert simulated.programming is None


@pytest.mark.parametrize("model", ["lenet5", "mlp", "resnet20"])
@pytest.mark.parametrize("io", ["pio", "dma"])
@pytest.mark.parametrize("noise", [False, True])
def test_analog_programs_equal_the_reference(
    model: str, io: str, noise: bool, tmp_path: Path
) -> None:
    overrides = [f"system.tile.io={io}", *(NOISE if noise else ())]
    config = configure(model, *overrides, images=2)
    prepared = prepare(config)
    assert prepared.mapped is not None
    simulated = run_plan(prepared.mapped, prepared, config, tmp_path)
    assert simulated.programming is not None
    mvms = sum(layer.events["tile_mvms"] for layer in simulated.summary.layers)
    blocks = {name: len(layer.blocks) for name, layer in prepared.mapped.analog.items()}
    pixels = {
        node.name: int(np.prod(prepared.network.tensors[node.output].shape[:-1]))
        for node in prepared.network.nodes
    }
    assert mvms == 2 * sum(count * pixels[name] for name, count in blocks.items())


@pytest.mark.parametrize("model", ["vgg16", "alexnet"])
def test_large_networks_equal_the_reference(model: str, tmp_path: Path) -> None:
    config = configure(model, *NOISE)
    prepared = prepare(config)
    assert prepared.mapped is not None
    run_plan(prepared.digital, prepared, config, tmp_path / "digital")
    run_plan(prepared.mapped, prepared, config, tmp_path / "mapped")


@pytest.mark.parametrize("seed", range(8))
def test_random_networks_equal_the_reference(seed: int, tmp_path: Path) -> None:
    path = RandomNetwork(seed).write(tmp_path / "net.onnx")
    small_tiles = ("system.tile.rows=33", "system.tile.columns=17", "system.tiles=1000")
    adc = f"system.tile.adc_bits={6 + seed}"
    io = f"system.tile.io={('pio', 'dma')[seed % 2]}"
    config = configure(str(path), *small_tiles, *NOISE, adc, io, images=2)
    prepared = prepare(config)
    assert prepared.mapped is not None
    assert prepared.mapped.analog
    run_plan(prepared.digital, prepared, config, tmp_path / "digital")
    run_plan(prepared.mapped, prepared, config, tmp_path / "mapped")


def test_noise_changes_outputs_and_its_seed_matters(tmp_path: Path) -> None:
    loud = ("system.tile.noise=true", "system.tile.output_noise_lsb=9")
    outputs = []
    for index, overrides in enumerate(((), loud, (*loud, "system.tile.seed=2"))):
        config = configure("lenet5", *overrides, images=20)
        prepared = prepare(config)
        assert prepared.mapped is not None
        program = build(prepared.mapped, config, prepared.images[:20], tmp_path / str(index))
        outputs.append((program.sources[0].parent / "expected.bin").read_bytes())
    assert len(set(outputs)) == 3


def test_predictions_must_be_complete_and_in_order() -> None:
    assert read_predictions("prediction 0 7\nprediction 1 3\n", 2).tolist() == [7, 3]
    for console in ("", "prediction 0 7\n", "prediction 1 3\nprediction 0 7\n"):
        with pytest.raises(StatsError, match="predictions"):
            read_predictions(console, 2)
