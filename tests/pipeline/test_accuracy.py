"""What a run says about accuracy: before a final Softmax, with ties, and where there is none."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.config.load import load_config
from harness.errors import StatsError
from harness.model.export import to_onnx
from harness.operators.conv import Conv
from harness.operators.dense import Dense
from harness.operators.log_softmax import LogSoftmax
from harness.operators.node import Node
from harness.operators.softmax import Softmax
from harness.pipeline import measure
from harness.pipeline.job import run_job
from harness.pipeline.prepare import all_digital
from harness.placement.reference import infer_plan
from harness.progress import Silent
from harness.quant.quantize import quantize, quantize_input
from harness.quant.reference import run_integer
from harness.report.comparison import Comparison, accuracy_statement, outputs_statement
from harness.report.terminal import format_report
from tests.quant.networks import graph_of

CLASSES, FEATURES = 300, 24
RNG = np.random.default_rng(7)
PROTOTYPES = RNG.normal(size=(CLASSES, FEATURES)).astype(np.float32)
LABELS = RNG.integers(0, CLASSES, 140)
IMAGES = PROTOTYPES[LABELS] + RNG.normal(0, 0.8, (140, FEATURES)).astype(np.float32)
LOGITS = Dense(
    "logits",
    ("x",),
    "logits",
    weight=PROTOTYPES * np.float32(0.03),
    bias=(-0.015 * (PROTOTYPES**2).sum(axis=1)).astype(np.float32),
)


def compared(
    folder: Path, nodes: list[Node], shape: tuple[int, ...], **arrays: object
) -> Comparison:
    """The network and its images through the main job, all digital."""
    model, dataset = folder / "NET.ONNX", folder / "own.npz"
    model.write_bytes(to_onnx(graph_of(nodes, shape)).SerializeToString())
    np.savez(dataset, **arrays)  # type: ignore[arg-type]
    run = {"model": str(model), "dataset": str(dataset), "mapping": "digital", "images": 3}
    config = load_config(system="alpine-hp", run=run)
    finished = run_job(config, folder / "runs", command=("test",), progress=Silent())
    statements = json.loads((finished.folder / "result.json").read_text())["statements"]
    assert statements["accuracy"] == accuracy_statement(finished.comparison)
    return finished.comparison


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folder = tmp_path_factory.mktemp("plain")
    return compared(folder, [LOGITS], (1, FEATURES), images=IMAGES, labels=LABELS)


@pytest.mark.parametrize("kind", [Softmax, LogSoftmax])
def test_a_final_softmax_changes_no_accuracy(
    kind: type[Node], plain: Comparison, tmp_path: Path
) -> None:
    nodes = [LOGITS, kind("end", ("logits",), "end")]
    found = compared(tmp_path, nodes, (1, FEATURES), images=IMAGES, labels=LABELS)
    assert plain.accuracy is not None
    assert plain.accuracy.classes == CLASSES
    assert plain.accuracy.float_network.percent > 90
    assert plain.accuracy.entries[1].percent > 90
    assert plain.accuracy.entries[1].ties > 0
    assert found.accuracy == replace(plain.accuracy, softmax=kind.__name__)
    left_out = "LogSoftmax is left out of the programs" in outputs_statement(found)
    assert left_out == (kind is LogSoftmax)
    text = format_report(found)
    assert f"before the final {kind.__name__}" in " ".join(text.split())
    assert "ties)" in text


def test_probabilities_alone_would_say_less() -> None:
    """Guards the case above: int8 probabilities of these images are equal for many classes."""
    nodes: list[Node] = [LOGITS, Softmax("end", ("logits",), "end")]
    network = quantize(graph_of(nodes, (1, FEATURES)), IMAGES)
    tensors = run_integer(network, quantize_input(IMAGES, network.tensors["x"].scale))
    right = {name: (tensors[name].argmax(axis=1) == LABELS).mean() for name in ("logits", "end")}
    assert right["end"] < right["logits"] - 0.8


def test_labels_in_another_order_are_warned_of(tmp_path: Path) -> None:
    shifted = (LABELS + 1) % CLASSES
    found = compared(tmp_path, [LOGITS], (1, FEATURES), images=IMAGES, labels=shifted)
    assert found.accuracy is not None
    assert found.accuracy.is_no_better_than_chance
    assert "WARNING: the float network is no better than guessing one of 300 classes" in " ".join(
        format_report(found).split()
    )


def test_a_map_has_no_accuracy(tmp_path: Path) -> None:
    weight = RNG.normal(size=(2, 1, 1, 1)).astype(np.float32)
    segment = Conv("y", ("x",), "y", weight=weight, bias=np.zeros(2, np.float32))
    images = RNG.normal(size=(9, 1, 4, 4)).astype(np.float32)
    labels = np.arange(9) % 2
    found = compared(tmp_path, [segment], (1, 1, 4, 4), images=images, labels=labels)
    assert found.accuracy is None
    assert "the output is a map of 2x4x4 values, not one value per class" in accuracy_statement(
        found
    )


def test_a_prediction_that_is_not_the_reference_s_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    simulate = measure.simulate

    def wrong(*arguments: object, **options: object) -> measure.SimulatedProgram:
        program = simulate(*arguments, **options)  # type: ignore[arg-type]
        return replace(program, predictions=program.predictions + 1)

    monkeypatch.setattr(measure, "simulate", wrong)
    with pytest.raises(StatsError, match="names class"):
        compared(tmp_path, [LOGITS], (1, FEATURES), images=IMAGES, labels=LABELS)
    assert list((tmp_path / "runs").glob("*")) == []


def test_a_plan_gives_any_tensor() -> None:
    network = quantize(
        graph_of([LOGITS, Softmax("end", ("logits",), "end")], (1, FEATURES)), IMAGES
    )
    inputs = quantize_input(IMAGES, network.tensors["x"].scale)
    system = load_config(system="alpine-hp", run={"model": "mlp"}).system
    tensors = run_integer(network, inputs)
    for name in ("logits", "end"):
        found = infer_plan(all_digital(network), system, inputs, tensor=name)
        assert np.array_equal(found, tensors[name])
    assert np.array_equal(infer_plan(all_digital(network), system, inputs), tensors["end"])
