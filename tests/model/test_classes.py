"""What is compared with a label: how many values, and before which final operator."""

from __future__ import annotations

import numpy as np
import pytest

from harness.model.classes import (
    class_count,
    final_softmax,
    left_out,
    program_graph,
    score_graph,
    why_no_classes,
)
from harness.model.graph import Graph
from harness.model.onnx_path import is_onnx_path
from harness.operators.clip import Clip
from harness.operators.log_softmax import LogSoftmax
from harness.operators.node import Node
from harness.operators.reshape import Reshape
from harness.operators.softmax import Softmax
from harness.quant.float_reference import infer_float
from tests.quant.networks import dense, graph_of

LOGITS = dense(np.random.default_rng(0), "logits", "x", 6, 5)
IMAGES = np.random.default_rng(1).normal(size=(4, 6)).astype(np.float32)


@pytest.mark.parametrize("kind", [Softmax, LogSoftmax])
@pytest.mark.parametrize("viewed", [False, True])
def test_a_final_softmax_does_not_decide(kind: type[Node], viewed: bool) -> None:
    nodes: list[Node] = [LOGITS, kind("end", ("logits",), "end")]
    shapes = {}
    if viewed:
        nodes.append(Reshape("view", ("end",), "view"))
        shapes["view"] = (1, 5, 1, 1)
    graph = graph_of(nodes, (1, 6), shapes)
    scores = score_graph(graph)
    assert final_softmax(graph) == kind.__name__
    assert [node.name for node in scores.nodes] == ["logits"]
    assert set(scores.shapes) == {"x", "logits"}
    assert class_count(graph) == class_count(scores) == 5
    np.testing.assert_array_equal(infer_float(scores, IMAGES), infer_float(program(LOGITS), IMAGES))
    if kind is LogSoftmax:
        assert left_out(graph) == "LogSoftmax"
        assert program_graph(graph).output == "logits"
    else:
        assert left_out(graph) is None
        assert program_graph(graph) is graph


def program(*nodes: Node) -> Graph:
    return graph_of(list(nodes), (1, 6))


def test_another_end_decides_itself() -> None:
    inner = program(
        LOGITS, Softmax("soft", ("logits",), "soft"), Clip("end", ("soft",), "end", 0, 1)
    )
    for graph in (program(LOGITS), inner):
        assert score_graph(graph) is graph
        assert program_graph(graph) is graph
        assert final_softmax(graph) is None


def test_a_log_softmax_alone_stays() -> None:
    graph = program(LogSoftmax("end", ("x",), "end"))
    assert program_graph(graph) is graph
    assert left_out(graph) is None


@pytest.mark.parametrize(
    ("shape", "classes", "reason"),
    [
        ((1, 24), 24, ""),
        ((1, 24, 1, 1), 24, ""),
        ((1, 1, 1, 24), 24, ""),
        ((1, 2, 3, 4), None, "a map of 2x3x4 values"),
        ((1, 1, 3, 8), None, "a map of 1x3x8 values"),
    ],
)
def test_classes(shape: tuple[int, ...], classes: int | None, reason: str) -> None:
    graph = graph_of([Reshape("y", ("x",), "y")], (1, 2, 3, 4), {"y": shape})
    assert class_count(graph) == classes
    if classes is None:
        assert reason in why_no_classes(graph)


def test_one_value_tells_no_class() -> None:
    graph = graph_of([dense(np.random.default_rng(0), "y", "x", 6, 1)], (1, 6))
    assert class_count(graph) is None
    assert "a single value" in why_no_classes(graph)


@pytest.mark.parametrize(
    ("name", "is_file"), [("a.onnx", True), ("A.ONNX", True), ("a.Onnx", True), ("onnx", False)]
)
def test_the_suffix_may_be_in_capitals(name: str, is_file: bool) -> None:
    assert is_onnx_path(name) == is_file
