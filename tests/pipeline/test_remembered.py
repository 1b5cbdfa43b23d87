"""A process remembers networks that it has quantized, and never uses one of something else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.config.load import load_config
from harness.config.schema import Config
from harness.content import content_digest
from harness.model.builtin import build
from harness.model.export import to_onnx
from harness.pipeline.prepare import load, prepare
from harness.placement.plan import Plan


def configure(*overrides: str, **run: object) -> Config:
    run = {"model": "mlp", "images": 1, **run}
    return load_config(system="alpine-hp", overrides=overrides, run=run)


UNSEEN = (
    "system.tiles=64",
    "system.core.clock_ghz=1",
    "system.tile.rows=100",
    "run.warmup=3",
    "run.kernels=reference",
    "run.timeout_s=5",
    "run.mapping=digital",
)
SEEN = ("run.seed=9", "run.images=3", "run.model=lenet5")


def test_points_of_a_sweep_share_one_quantized_network() -> None:
    first = prepare(configure())
    for override in UNSEEN:
        assert prepare(configure(override)).network is first.network, override
    for override in SEEN:
        assert prepare(configure(override)).network is not first.network, override


def test_a_file_that_changes_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIMC_DATA", raising=False)
    path = tmp_path / "net.onnx"
    found = []
    for seed in (1, 2, 1):
        path.write_bytes(to_onnx(build("mlp", seed=seed)).SerializeToString())
        found.append(prepare(configure(model=str(path), mapping="digital")))
    assert found[0].network is found[2].network
    assert found[0].network is not found[1].network
    assert content_digest(found[1].network) != content_digest(found[0].network)


def test_a_dataset_named_by_the_environment_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIMC_DATA", raising=False)
    first = prepare(configure())
    monkeypatch.setenv("AIMC_DATA", str(tmp_path))
    assert prepare(configure()).network is not first.network
    monkeypatch.delenv("AIMC_DATA")
    assert prepare(configure()).network is first.network


def plan_of(*overrides: str) -> Plan:
    plan = prepare(configure("system.tile.columns=64", *overrides)).mapped
    assert plan is not None
    return plan


@pytest.mark.parametrize(
    "override",
    [
        "system.tile.rows=100",
        "system.tile.adc_bits=6",
        "system.tile.dac_bits=5",
        "system.tile.noise=true",
    ],
)
def test_layers_are_remembered_by_what_they_are_made_from(override: str) -> None:
    """Made again after others, they are what a fresh process makes."""
    noise = ("system.tile.output_noise_lsb=5",)
    before, other, after = plan_of(*noise), plan_of(*noise, override), plan_of(*noise)
    assert content_digest(before) == content_digest(after)
    assert content_digest(other) != content_digest(before)
    pairs = zip(before.analog.values(), after.analog.values(), strict=True)
    assert all(a.blocks[0].conductance is b.blocks[0].conductance for a, b in pairs)
    timing = plan_of(*noise, "system.tile.adc_latency_ns=1", "system.tile.io=dma")
    assert content_digest(timing.analog) == content_digest(before.analog)


def test_tiles_are_given_out_in_order_whatever_was_made_before() -> None:
    for tiles in (64, 3, 64):
        plan = plan_of(f"system.tiles={tiles}", "system.tile.rows=64")
        given = [block.tile for layer in plan.analog.values() for block in layer.blocks]
        assert given == list(range(plan.tiles_used))


def test_loading_is_independent_of_the_mapping() -> None:
    ours, theirs = load(configure()), load(configure("run.mapping=digital"))
    for a, b in zip(ours.graph.nodes, theirs.graph.nodes, strict=True):
        assert a.name == b.name
        if hasattr(a, "weight"):
            assert np.array_equal(a.weight, b.weight)  # type: ignore[attr-defined]
