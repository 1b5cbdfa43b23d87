"""Shapes of a graph's tensors, and the check that a graph keeps its contract."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from harness.budget import NODES, PARAMETER_BYTES, TENSORS_BYTES
from harness.errors import ModelError
from harness.identifiers import is_identifier
from harness.model.graph import Graph
from harness.operators.node import Node, arrays_of, where
from harness.operators.tensor import Shape, all_finite, check_tensor, tensor_bytes
from harness.quantities import shape_text
from harness.safe_text import shown


def infer_shapes(
    nodes: Sequence[Node], input_shape: Shape, declared: Mapping[str, Shape] | None = None
) -> dict[str, Shape]:
    """Shape of the input and of every node's output.

    Args:
        nodes: In topological order.  The network's input is the one tensor that is read
            and that no node writes.
        input_shape: [1, c, h, w] or [1, c].
        declared: Shapes of the outputs of Reshape nodes, which cannot be inferred.

    Raises:
        ModelError: Naming the layer, its operator and the shapes that do not fit.
    """
    if not nodes:
        raise ModelError("the network has no layers", hint="give a network with layers to run")
    written = {node.output for node in nodes}
    sources = {name: None for node in nodes for name in node.inputs if name not in written}
    if len(sources) != 1:
        names = ", ".join(shown(name) for name in sources) or "none"
        raise ModelError(
            f"the network must read exactly one tensor that no layer writes, not {len(sources)}",
            where=names,
        )
    (source,) = sources
    check_tensor(shown(source), input_shape)
    shapes: dict[str, Shape] = {source: input_shape}
    for node in nodes:
        for name in node.inputs:
            if name not in shapes:
                raise ModelError(
                    f"reads {shown(name)} before it is written", where=where(node), hint=_ORDER
                )
        if node.output in shapes:
            raise ModelError(f"{shown(node.output)} is written twice", where=where(node))
        inputs = [shapes[name] for name in node.inputs]
        shape = node.output_shape(inputs, (declared or {}).get(node.output))
        check_tensor(f"{where(node)}, tensor {shown(node.output)}", shape)
        shapes[node.output] = shape
    return shapes


_ORDER = "nodes must stand in topological order"


def validate(graph: Graph) -> None:
    """Check everything that `harness.model.graph` promises.

    Raises:
        ModelError: Naming the layer, operator and shapes of the first offence.
    """
    if len(graph.nodes) > NODES:
        raise ModelError(
            f"{len(graph.nodes)} layers are more than {NODES}", where=shown(graph.name)
        )
    for name in (graph.name, graph.input, *_all_names(graph)):
        if not is_identifier(name):
            raise ModelError(
                "not an identifier ([a-z][a-z0-9_]*, at most 48 characters, no C keyword)",
                where=shown(name),
            )
    seen: set[str] = set()
    parameters = 0
    for node in graph.nodes:
        if node.name in seen:
            raise ModelError("two layers have this name", where=where(node))
        seen.add(node.name)
        for field, array in arrays_of(node):
            parameters += array.nbytes
            if array.dtype != np.float32:
                raise ModelError(f"{field} is {array.dtype}, not float32", where=where(node))
            if not all_finite(array):
                raise ModelError(
                    f"{field} has values that are not finite",
                    where=where(node),
                    hint="the weights contain NaN or infinity: export a network that trained well",
                )
    if parameters > PARAMETER_BYTES:
        raise ModelError(
            f"the weights take {parameters} bytes as float32, more than {PARAMETER_BYTES}",
            where=shown(graph.name),
        )
    check_tensors(graph.shapes, graph.name)
    if graph.input not in graph.shapes:
        raise ModelError("the input has no shape", where=shown(graph.input))
    expected = infer_shapes(graph.nodes, graph.shapes[graph.input], graph.shapes)
    if graph.input not in expected or graph.output not in expected:
        raise ModelError("the graph's input or output is no tensor of it", where=shown(graph.name))
    if dict(graph.shapes) != expected:
        wrong = sorted(
            name
            for name in {*graph.shapes, *expected}
            if graph.shapes.get(name) != expected.get(name)
        )
        name = wrong[0]
        raise ModelError(
            f"shape {shape_text(graph.shapes.get(name))} is recorded, "
            f"{shape_text(expected.get(name))} follows from the layers",
            where=shown(name),
        )


def _all_names(graph: Graph) -> Iterator[str]:
    for node in graph.nodes:
        yield node.name
        yield node.output


def check_tensors(shapes: Mapping[str, Shape], network: str) -> None:
    """Refuse tensors that together take more memory than the budget has.

    Raises:
        ModelError: Naming the largest tensor.
    """
    total = sum(map(tensor_bytes, shapes.values()))
    if total > TENSORS_BYTES:
        name = max(shapes, key=lambda name: tensor_bytes(shapes[name]))
        raise ModelError(
            f"all tensors together take {total} bytes as float32, more than {TENSORS_BYTES}; "
            f"the largest is {shown(name)} with shape {shape_text(shapes[name])} "
            f"and {tensor_bytes(shapes[name])} bytes",
            where=shown(network),
            hint="give a smaller input",
        )
