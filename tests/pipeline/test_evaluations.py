"""Evaluations that are kept equal those that are made, and belong to what was evaluated."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.cache.folder import EVALUATIONS
from harness.cache.sealed import publish_bytes
from harness.config.load import load_config
from harness.config.schema import Config
from harness.model.classes import score_graph
from harness.pipeline import evaluations, identity
from harness.pipeline.evaluations import float_scores, plan_outputs
from harness.pipeline.prepare import Prepared, prepare
from harness.placement.plan import Plan
from harness.placement.reference import infer_plan
from harness.quant.float_reference import infer_float

NOISE = ("system.tile.noise=true", "system.tile.output_noise_lsb=3")


def configure(*overrides: str, **run: object) -> Config:
    return load_config(system="alpine-hp", overrides=overrides, run={"model": "mlp", **run})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIMC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / EVALUATIONS


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    return prepare(configure(*NOISE))


def mapped_of(prepared: Prepared) -> Plan:
    assert prepared.mapped is not None
    return prepared.mapped


def entries(folder: Path) -> int:
    return len(list(folder.iterdir()))


def test_kept_outputs_are_those_of_the_reference(prepared: Prepared, folder: Path) -> None:
    config, plan = configure(*NOISE), mapped_of(prepared)
    images = prepared.images[:20]
    expected = infer_plan(plan, config.system, images)
    for _ in range(2):
        assert np.array_equal(plan_outputs(plan, config.system, images), expected)
    assert entries(folder) == 1
    graph, samples = prepared.model.graph, prepared.samples.images[:20]
    for _ in range(2):
        assert np.array_equal(
            float_scores(graph, samples), infer_float(score_graph(graph), samples)
        )
    assert entries(folder) == 2


def test_the_second_time_nothing_is_computed(
    prepared: Prepared, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, images = configure(*NOISE), prepared.images[:4]
    first = plan_outputs(mapped_of(prepared), config.system, images)
    assert entries(folder) == 1

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(evaluations, "infer_plan", refuse)
    unseen = ("system.tile.adc_latency_ns=1", "system.attach=bus", "system.tile.io=dma")
    for override in (*unseen, "system.tiles=900", "system.core.clock_ghz=1"):
        system = configure(*NOISE, override).system
        again = mapped_of(prepare(configure(*NOISE, override)))
        assert np.array_equal(plan_outputs(again, system, images), first), override


def test_whatever_changes_a_number_is_another_evaluation(
    prepared: Prepared, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, plan = configure(*NOISE), mapped_of(prepared)
    images = prepared.images[:4]
    plan_outputs(plan, config.system, images)
    seen = 1
    for override in (
        "tile.seed=9",
        "tile.output_noise_lsb=4",
        "tile.adc_bits=7",
        "tile.noise=false",
    ):
        changed = configure(*NOISE, f"system.{override}")
        outputs = plan_outputs(plan, changed.system, images)
        assert np.array_equal(outputs, infer_plan(plan, changed.system, images)), override
        seen += 1
        assert entries(folder) == seen, override
    plan_outputs(plan, config.system, images[:3])
    plan_outputs(plan, config.system, images, tensor=plan.network.nodes[0].output)
    plan_outputs(prepared.digital, config.system, images)
    plan_outputs(replace(plan, analog=dict(list(plan.analog.items())[1:])), config.system, images)
    seeded = prepare(configure(*NOISE, "run.seed=5", input_size=32, model="lenet5"))
    plan_outputs(mapped_of(seeded), config.system, seeded.images[:1])
    assert entries(folder) == seen + 5
    module = folder / "module.so"
    module.write_bytes(b"another arithmetic")
    monkeypatch.setattr(identity, "_module_file", lambda _: module)
    plan_outputs(plan, config.system, images)
    assert entries(folder) == seen + 6  # and the module: what changes meanwhile is not kept
    monkeypatch.setattr(evaluations, "_LOADED", identity.reference_sources())
    plan_outputs(plan, config.system, images)
    assert entries(folder) == seen + 7


@pytest.mark.parametrize("content", ["other type", "no array", "objects"])
def test_an_entry_of_another_kind_is_replaced(
    content: str, prepared: Prepared, folder: Path
) -> None:
    system, images = configure(*NOISE).system, prepared.images[:4]
    expected = plan_outputs(prepared.digital, system, images)
    (entry,) = folder.iterdir()
    stream = io.BytesIO()
    array = {"other type": np.ones(3), "objects": np.array([None, "x"], object)}
    if content in array:
        np.save(stream, array[content], allow_pickle=True)
    publish_bytes(stream.getvalue(), entry, folder.parent / "tmp")
    notes: list[str] = []
    found = plan_outputs(prepared.digital, system, images, note=notes.append)
    assert np.array_equal(found, expected)
    assert notes == [f"{entry} is no evaluation; evaluating again"]
    assert np.array_equal(plan_outputs(prepared.digital, system, images), expected)


def test_a_large_evaluation_and_a_full_disk_cost_only_time(
    prepared: Prepared, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, images = configure(*NOISE).system, prepared.images[:4]
    monkeypatch.setattr(evaluations, "JSON_BYTES", 0)
    plan_outputs(prepared.digital, system, images)
    assert not folder.exists()
    monkeypatch.undo()
    monkeypatch.setenv("AIMC_CACHE", str(folder.parent))
    folder.parent.mkdir()
    folder.write_text("in the way")
    notes: list[str] = []
    plan_outputs(prepared.digital, system, images, note=notes.append)
    assert len(notes) == 1 and "not kept" in notes[0]
