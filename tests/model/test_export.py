"""Exported networks come back as they were, and run in onnxruntime."""

from __future__ import annotations

import tempfile
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings

from harness.errors import ModelError
from harness.model.builtin import NAMES, build
from harness.model.export import to_onnx
from harness.model.fold import fold
from harness.model.graph import Graph
from harness.model.onnx_reader import read_onnx
from harness.operators.node import Node
from tests.model.interpreter import evaluate
from tests.model.networks import dense, graph_of, random_networks
from tests.model.onnx_models import run_onnx, save, weights


def same(left: Node, right: Node) -> bool:
    """Whether two nodes agree in every field, arrays bit by bit."""
    if type(left) is not type(right):
        return False
    for field in fields(left):
        a, b = getattr(left, field.name), getattr(right, field.name)
        if field.name == "epsilon":
            a, b = np.float32(a), np.float32(b)  # the precision of an attribute
        if not (np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b):
            return False
    return True


def read_back(graph: Graph) -> Graph:
    with tempfile.TemporaryDirectory() as folder:
        return read_onnx(save(to_onnx(graph), Path(folder), f"{graph.name}.onnx"))


@settings(deadline=None, derandomize=True, max_examples=60)
@given(graph=random_networks())
def test_random_networks(graph: Graph) -> None:
    graph = fold(graph)
    again = read_back(graph)
    x = weights(*graph.shapes[graph.input], seed=4)
    expected = run_onnx(to_onnx(graph), x)
    scale = max(1.0, float(np.abs(expected).max()))
    for candidate in (graph, again):
        actual = evaluate(candidate, x)
        np.testing.assert_allclose(actual, expected, rtol=0, atol=5e-5 * scale)


@pytest.mark.parametrize("name", NAMES)
def test_built_in_networks_come_back_unchanged(name: str) -> None:
    graph = build(name, seed=1)
    again = read_back(graph)
    assert (again.name, again.input, again.output) == (graph.name, graph.input, graph.output)
    assert again.random_weights is graph.random_weights is True
    assert dict(again.shapes) == dict(graph.shapes)
    assert len(again.nodes) == len(graph.nodes)
    for left, right in zip(graph.nodes, again.nodes, strict=True):
        assert same(left, right), left.name
    onnx.checker.check_model(to_onnx(graph), full_check=True)


def test_trained_networks_are_not_called_random() -> None:
    graph = replace(build("lenet5"), random_weights=False)
    assert not read_back(graph).random_weights


def test_an_invalid_graph_is_refused() -> None:
    graph = graph_of([dense("d", "x", 3, 2)], (1, 3))
    with pytest.raises(ModelError, match="no tensor of it"):
        to_onnx(replace(graph, output="gone"))
