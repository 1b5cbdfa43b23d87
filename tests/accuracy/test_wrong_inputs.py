"""The accuracy loop on a network that ends in a softmax, and on inputs that say nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.accuracy.baseline import check_baseline, float_correct
from harness.accuracy.evaluate import Evaluator
from harness.accuracy.noise import with_noise
from harness.accuracy.task import Labelled, load_task
from harness.config.load import load_loop_config
from harness.errors import DataError, MappingError
from harness.mapping.mapping import matrix_layers
from harness.model.export import to_onnx
from harness.model.fold import fold
from harness.model.graph import Graph
from harness.operators.conv import Conv
from harness.operators.dense import Dense
from harness.operators.log_softmax import LogSoftmax
from harness.operators.node import Node
from harness.operators.softmax import Softmax
from harness.quant.float_reference import run_float
from tests.accuracy.searches import run_config, search
from tests.quant.networks import graph_of


def ending_in(graph: Graph, kind: type[Node]) -> Graph:
    end = kind("end", (graph.output,), "end")
    shapes = {**graph.shapes, "end": graph.shapes[graph.output]}
    return replace(graph, nodes=(*graph.nodes, end), shapes=shapes, output="end")


def test_a_final_softmax_changes_no_measurement() -> None:
    config, noise = run_config("mlp"), load_loop_config(noise="pcm").noise
    task = load_task(config)
    data = task.validation.first(60)
    plain = fold(task.graph)
    layer = next(iter(matrix_layers(task.quantized(plain))))
    how = {"t_s": noise.t_eval_s, "repetitions": 2, "seed": 5}

    def measured(graph: Graph) -> tuple[np.ndarray, ...]:
        network = task.quantized(graph)
        evaluator = Evaluator(
            network,
            data.images,
            data.labels,
            system=with_noise(config.system, noise),
            noise=noise,
            device="cpu",
        )
        predicted = evaluator.predictions([layer], t_s=noise.t_eval_s, seed=5, repetition=1)
        return (
            *evaluator.compared([layer], **how),  # type: ignore[arg-type]
            evaluator.correct([layer], **how),  # type: ignore[arg-type]
            predicted,
            float_correct(graph, data, threads=1),
        )

    expected = measured(plain)
    assert expected[1].min() >= 0
    assert expected[1].max() > 0
    for kind in (Softmax, LogSoftmax):
        for found, wanted in zip(measured(ending_in(plain, kind)), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_equal_probabilities_are_no_equal_logits() -> None:
    """In float32 too, where both classes get exactly a half."""
    identity = Dense("y", ("x",), "y", weight=np.eye(2, dtype=np.float32), bias=np.zeros(2, "f4"))
    graph = ending_in(graph_of([identity], (1, 2)), Softmax)
    data = Labelled(np.array([[0, 2**-26]], np.float32), np.array([1]))
    assert run_float(graph, data.images)["end"].tolist() == [[0.5, 0.5]]
    assert float_correct(graph, data, threads=1).tolist() == [True]


def own(folder: Path, graph: Graph, **arrays: object) -> dict[str, str]:
    (folder / "own.onnx").write_bytes(to_onnx(graph).SerializeToString())
    np.savez(folder / "own.npz", **arrays)  # type: ignore[arg-type]
    return {"model": str(folder / "own.onnx"), "dataset": str(folder / "own.npz")}


def test_labels_in_another_order_stop_a_search(tmp_path: Path) -> None:
    task = load_task(run_config("mlp"))
    images, labels = task.validation.images, task.validation.labels
    run = own(tmp_path, fold(task.graph), images=images, labels=(labels + 1) % 10)
    with pytest.raises(DataError, match="no better than guessing one of 10 classes") as error:
        search(tmp_path / "m", config=run_config(**run))
    assert "count its classes from 0" in str(error.value.hint)
    assert not (tmp_path / "m").exists()
    run = own(tmp_path, fold(task.graph), images=images, labels=labels + 1)
    with pytest.raises(DataError, match=r"label \d+ is 10, the classes are 0 to 9"):
        search(tmp_path / "m", config=run_config(**run))


def test_a_network_that_is_no_classifier_is_refused(tmp_path: Path) -> None:
    weight = np.random.default_rng(0).normal(size=(2, 1, 1, 1)).astype(np.float32)
    conv = Conv("y", ("x",), "y", weight=weight, bias=np.zeros(2, np.float32))
    graph = graph_of([conv], (1, 1, 4, 4))
    images = np.random.default_rng(1).normal(size=(9, 1, 4, 4)).astype(np.float32)
    run = own(tmp_path, graph, images=images, labels=np.arange(9) % 2)
    with pytest.raises(DataError, match="the output is a map of 2x4x4 values"):
        search(tmp_path / "m", config=run_config(**run))


def test_a_dataset_is_halved_for_a_users_network(tmp_path: Path) -> None:
    (tmp_path / "OWN.ONNX").write_bytes(
        to_onnx(fold(load_task(run_config("mlp")).graph)).SerializeToString()
    )
    task = load_task(run_config(str(tmp_path / "OWN.ONNX"), dataset="digits"))
    assert task.dataset == "digits"
    assert task.classes == 10
    assert (len(task.test), len(task.validation)) == (180, 180)
    built_in = load_task(run_config("mlp"))
    both = np.concatenate([task.test.labels, task.validation.labels])
    assert np.array_equal(both, built_in.test.labels)
    assert float_correct(task.graph, task.test, threads=1).mean() > 0.9


@pytest.mark.parametrize(("right", "stops"), [(0, True), (11, True), (40, False)])
def test_the_baseline(right: int, stops: bool) -> None:
    correct = np.arange(100) < right
    if not stops:
        check_baseline(correct, 10, "here")
        return
    with pytest.raises(DataError, match=f"classifies {right} of 100 images"):
        check_baseline(correct, 10, "here")


def test_a_bound_that_guessing_holds_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MappingError, match="no more than guessing one of 10 classes gives"):
        search(tmp_path / "m", "search.drop_points=95")
    assert not (tmp_path / "m").exists()
