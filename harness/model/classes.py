"""How a network tells classes: by one value for each, before a final Softmax or LogSoftmax."""

from __future__ import annotations

from dataclasses import replace

from harness.model.graph import Graph
from harness.operators.node import Node
from harness.quantities import shape_text


def class_count(graph: Graph) -> int | None:
    """The number of classes that ``graph`` tells apart; None if its output is something else.

    A classifier's output has one value per class: a single axis is longer than 1.
    """
    long_axes = [size for size in graph.shapes[graph.output][1:] if size > 1]
    return long_axes[0] if len(long_axes) == 1 else None


def why_no_classes(graph: Graph) -> str:
    """Why `class_count` is None, in words."""
    shape = graph.shapes[graph.output][1:]
    if any(size > 1 for size in shape):
        return f"the output is a map of {shape_text(shape)} values, not one value per class"
    return "the output is a single value, not one value per class"


def score_graph(graph: Graph) -> Graph:
    """``graph`` without a final Softmax or LogSoftmax: its largest output names the class.

    Both keep the order of the values, but rounded probabilities of many classes are equal.
    """
    node = _final(graph)
    return graph if node is None or not node.keeps_order else _cut(graph, node.inputs[0])


def program_graph(graph: Graph) -> Graph:
    """``graph`` as programs compute it: without a final LogSoftmax, which has no integer form."""
    node = _final(graph)
    if node is None or not node.left_out_at_end or node.inputs[0] == graph.input:
        return graph
    return _cut(graph, node.inputs[0])


def left_out(graph: Graph) -> str | None:
    """The final operator of ``graph`` that `program_graph` lacks."""
    return final_softmax(graph) if program_graph(graph) is not graph else None


def final_softmax(graph: Graph) -> str | None:
    """ "Softmax" or "LogSoftmax" if the network ends in it."""
    node = _final(graph)
    return None if node is None or not node.keeps_order else node.kind


def _final(graph: Graph) -> Node | None:
    """The node that computes the output, whatever shape that is seen in."""
    producer = {node.output: node for node in graph.nodes}
    node = producer.get(graph.output)
    while node is not None and node.is_view:
        node = producer.get(node.inputs[0])
    return node


def _cut(graph: Graph, output: str) -> Graph:
    """``graph`` with the tensor ``output`` as its output, without what that does not need."""
    needed = {output}
    for node in reversed(graph.nodes):
        if node.output in needed:
            needed.update(node.inputs)
    return replace(
        graph,
        output=output,
        nodes=tuple(node for node in graph.nodes if node.output in needed),
        shapes={
            name: shape
            for name, shape in graph.shapes.items()
            if name in needed or name == graph.input
        },
    )
