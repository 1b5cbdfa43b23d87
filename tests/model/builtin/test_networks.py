"""The built-in networks: sizes as published, weights reproducible."""

from __future__ import annotations

import re

import numpy as np
import pytest

from harness.errors import ModelError
from harness.model.builtin import NAMES, build, input_sizes
from harness.model.builtin.builder import GraphBuilder, he_normal
from harness.model.graph import Graph
from harness.model.shapes import validate
from harness.operators.batch_norm import BatchNorm
from harness.operators.conv import Conv
from harness.operators.dense import Dense


def trainable(graph: Graph) -> int:
    """Parameters as papers and torchvision count them: no running statistics."""
    total = 0
    for node in graph.nodes:
        match node:
            case Conv() | Dense():
                total += node.weight.size + node.bias.size
            case BatchNorm():
                total += node.scale.size + node.offset.size
    return total


def macs(graph: Graph) -> int:
    total = 0
    for node in graph.nodes:
        if isinstance(node, Conv):
            _, _, height, width = graph.shapes[node.output]
            total += node.weight.size * height * width
        elif isinstance(node, Dense):
            total += node.weight.size
    return total


@pytest.mark.parametrize("name", NAMES)
def test_default_network_is_valid_and_named_safely(name: str) -> None:
    graph = build(name)
    validate(graph)
    size = input_sizes(name)[0]
    assert graph.name == name
    assert graph.random_weights
    assert graph.shapes[graph.input][2:] == (size, size)
    assert graph.shapes[graph.output] == (1, 10)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", node.name) for node in graph.nodes)
    assert len({node.name for node in graph.nodes}) == len(graph.nodes)


@pytest.mark.parametrize(
    ("name", "size", "parameters"),
    [
        ("lenet5", 32, 61_706),  # the count of every present-day LeNet-5
        ("mlp", 8, 64 * 256 + 256 + 256 * 256 + 256 + 256 * 10 + 10),
        ("vgg16", 224, 138_357_544),  # torchvision's vgg16
        ("alexnet", 224, 61_100_840),  # torchvision's alexnet
    ],
)
def test_parameter_counts_are_the_published_ones(name: str, size: int, parameters: int) -> None:
    assert trainable(build(name, size)) == parameters


def test_resnet20_has_the_papers_macs_plus_shortcuts() -> None:
    graph = build("resnet20")
    shortcuts = 16 * 32 * 16 * 16 + 32 * 64 * 8 * 8
    # He et al.: 19 convolutions of 3x3 and a classifier, 40.55 million multiplications.
    assert macs(graph) == 40_551_040 + shortcuts
    assert sum(isinstance(node, Conv) for node in graph.nodes) == 19 + 2


def test_vgg16_for_cifar_has_thirteen_convolutions_with_batch_norm() -> None:
    graph = build("vgg16")
    assert sum(isinstance(node, Conv) for node in graph.nodes) == 13
    assert sum(isinstance(node, BatchNorm) for node in graph.nodes) == 13
    assert [n.weight.shape for n in graph.nodes if isinstance(n, Dense)] == [(512, 512), (10, 512)]
    assert macs(graph) == 313_196_544 + 512 * 512 + 512 * 10


def test_weights_depend_on_seed_and_node_only() -> None:
    def first(graph: Graph) -> np.ndarray:
        node = graph.nodes[0]
        assert isinstance(node, Conv)
        return node.weight

    assert np.array_equal(first(build("vgg16")), first(build("vgg16", 32, seed=0)))
    assert not np.array_equal(first(build("lenet5")), first(build("lenet5", seed=1)))
    alone = GraphBuilder("net", (1, 3, 32, 32), seed=0)
    alone.conv("conv1_1", "input", 64, kernel=3, pad=1)
    assert np.array_equal(first(alone.finish()), first(build("vgg16")))


def test_weights_have_he_variance() -> None:
    weight = he_normal(3, "layer", (256, 64, 3, 3)).astype(np.float64)
    assert weight.mean() == pytest.approx(0.0, abs=1e-3)
    assert weight.var() == pytest.approx(2 / (64 * 9), rel=0.02)


def test_unknown_names_and_sizes_list_the_valid_ones() -> None:
    with pytest.raises(ModelError, match="'vgg19'") as unknown:
        build("vgg19")
    assert all(name in str(unknown.value) for name in NAMES)
    for size in (0, -1, 33, 10**9):
        with pytest.raises(ModelError, match="32, 224"):
            build("vgg16", size)
    with pytest.raises(ModelError, match="valid input sizes: 8"):
        build("mlp", 28)


def test_builder_refuses_layers_that_do_not_fit() -> None:
    net = GraphBuilder("net", (1, 3, 4, 4), seed=0)
    with pytest.raises(ModelError, match="too small"):
        net.conv("conv", "input", 8, kernel=5)
