"""A multilayer perceptron on 1x8x8 digits: 64, 256, 256, 10."""

from __future__ import annotations

from harness.model.builtin.builder import GraphBuilder
from harness.model.graph import Graph

SIZES = (8,)


def build(input_size: int, seed: int) -> Graph:
    net = GraphBuilder("mlp", (1, 1, input_size, input_size), seed)
    x = net.flatten("flatten", "input")
    x = net.relu("relu1", net.dense("fc1", x, 256))
    x = net.relu("relu2", net.dense("fc2", x, 256))
    net.dense("fc3", x, 10)
    return net.finish()
