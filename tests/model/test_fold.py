"""Folding keeps what a network computes and leaves no batch normalisation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from harness.errors import ModelError
from harness.model.fold import fold
from harness.model.graph import Graph
from harness.operators.add import Add
from harness.operators.avg_pool import AvgPool
from harness.operators.batch_norm import BatchNorm
from harness.operators.clip import Clip
from harness.operators.concat import Concat
from harness.operators.conv import Conv
from harness.operators.dense import Dense
from harness.operators.global_avg_pool import GlobalAvgPool
from harness.operators.max_pool import MaxPool
from harness.operators.node import Node
from harness.operators.reshape import Reshape
from tests.model.interpreter import evaluate
from tests.model.networks import batch_norm, conv, dense, graph_of, random_networks
from tests.model.onnx_models import weights


def check(graph: Graph, expected: list[type[Node]]) -> Graph:
    """Fold ``graph``; the result computes the same and consists of ``expected``."""
    folded = fold(graph)
    assert [type(node) for node in folded.nodes] == expected
    x = weights(*graph.shapes[graph.input], seed=9)
    before, after = evaluate(graph, x), evaluate(folded, x)
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-5 * max(1.0, np.abs(before).max()))
    return folded


def test_after_a_convolution() -> None:
    nodes = [
        conv("c", "x", 4, 6, pad=1, groups=2),
        batch_norm("b", "c", 6),
        batch_norm("d", "b", 6),
    ]
    folded = check(graph_of(nodes), [Conv])
    assert folded.nodes[0].name == folded.output == "c"


def test_after_a_dense_layer_and_alone_on_a_vector() -> None:
    nodes = [batch_norm("a", "x", 5), dense("d", "a", 5, 3), batch_norm("b", "d", 3)]
    check(graph_of(nodes, (1, 5)), [Dense])
    check(graph_of([batch_norm("a", "x", 5)], (1, 5)), [Reshape, Conv, Reshape])


def test_not_where_the_convolution_has_another_reader() -> None:
    nodes = [conv("c", "x", 4, 4, pad=1), batch_norm("b", "c", 4), Add("s", ("b", "c"), "s")]
    check(graph_of(nodes), [Conv, Conv, Add])


def test_not_where_the_convolution_is_the_output() -> None:
    nodes = [conv("c", "x", 4, 4, pad=1), batch_norm("b", "c", 4)]
    check(graph_of(nodes, output="c"), [Conv])


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_before_an_unpadded_convolution(groups: int) -> None:
    nodes = [batch_norm("a", "x", 4), batch_norm("b", "a", 4, 5), conv("c", "b", 4, 8, 0, groups)]
    check(graph_of(nodes), [Conv])


def test_before_a_padded_convolution_only_without_a_shift() -> None:
    nodes = [batch_norm("a", "x", 4), conv("c", "a", 4, 8, pad=1)]
    folded = check(graph_of(nodes), [Conv, Conv])
    first = folded.nodes[0]
    assert isinstance(first, Conv)
    assert (first.groups, first.weight.shape) == (4, (4, 1, 1, 1))
    zeros = np.zeros(4, np.float32)
    check(graph_of([replace(nodes[0], offset=zeros, mean=zeros), nodes[1]]), [Conv])


def test_before_an_activation_that_two_layers_read() -> None:
    nodes: list[Node] = [
        batch_norm("a", "x", 4),
        Clip("r", ("a",), "r", 0.0, math.inf),
        conv("c", "r", 4, 4, pad=1),
        Concat("y", ("r", "c"), "y"),
    ]
    check(graph_of(nodes), [Conv, Clip, Conv, Concat])


def test_identities_and_dead_nodes_go() -> None:
    nodes: list[Node] = [
        Clip("a", ("x",), "a", -math.inf, math.inf),
        MaxPool("b", ("a",), "b", (1, 1), (1, 1)),
        AvgPool("c", ("b",), "c", (1, 1), (1, 1)),
        Reshape("d", ("c",), "d"),
        Reshape("e", ("d",), "e"),
        GlobalAvgPool("dead", ("x",), "dead"),
        Reshape("f", ("e",), "f"),
        Clip("g", ("f",), "g", 0.0, 6.0),
        Concat("h", ("g",), "h"),
        Reshape("i", ("h",), "i"),
    ]
    same = (1, 4, 7, 6)
    declared = {"d": (1, 168), "e": same, "f": same, "i": same}
    folded = check(graph_of(nodes, declared=declared), [Clip])
    assert folded.output == "g"
    assert set(folded.shapes) == {"x", "g"}


def test_folding_twice_changes_nothing() -> None:
    nodes = [conv("c", "x", 4, 4, pad=1), batch_norm("b", "c", 4), batch_norm("d", "x", 4)]
    once = fold(graph_of([*nodes, Add("s", ("b", "d"), "s")]))
    twice = fold(once)
    assert all(a is b for a, b in zip(once.nodes, twice.nodes, strict=True))


def test_a_network_that_only_passes_its_input_on_stays_as_it_is() -> None:
    nodes: list[Node] = [Reshape("r", ("x",), "r")]
    check(graph_of(nodes, declared={"r": (1, 4, 7, 6)}), [Reshape])


def test_overflow_is_an_error_that_names_the_layer() -> None:
    tiny = replace(
        batch_norm("b", "c", 4),
        scale=np.full(4, 3e38, np.float32),
        variance=np.zeros(4, np.float32),
        epsilon=1e-30,
    )
    with pytest.raises(ModelError, match=r"c \(Conv\).*float32"):
        fold(graph_of([conv("c", "x", 4, 4), tiny]))


@settings(deadline=None, derandomize=True, max_examples=80)
@given(graph=random_networks())
def test_random_networks(graph: Graph) -> None:
    folded = fold(graph)
    assert not any(isinstance(node, BatchNorm) for node in folded.nodes)
    x = weights(*graph.shapes[graph.input], seed=3)
    before, after = evaluate(graph, x), evaluate(folded, x)
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-4 * max(1.0, np.abs(before).max()))
