"""Builds ONNX files for tests and compares what the reader makes of them with onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import NodeProto, TensorProto, helper, numpy_helper

from harness.model.export import to_onnx
from harness.model.fold import fold
from harness.model.graph import Graph
from harness.model.onnx_reader import read_onnx
from harness.model.shapes import validate
from harness.operators.batch_norm import BatchNorm
from tests.model.interpreter import evaluate

Array = npt.NDArray[np.generic]
FloatArray = npt.NDArray[np.float32]
Dim = int | str | None


def weights(*shape: int, seed: int = 0, scale: float = 1.0) -> FloatArray:
    """Reproducible normal values."""
    return (np.random.default_rng([seed, *shape]).normal(size=shape) * scale).astype(np.float32)


def node(op: str, inputs: Sequence[str], output: str = "y", **attributes: object) -> NodeProto:
    """One node, named after its output."""
    return helper.make_node(op, list(inputs), [output], name=f"n_{output}", **attributes)


def model(
    nodes: Sequence[NodeProto],
    input_shape: Sequence[Dim],
    constants: Mapping[str, Array] | None = None,
    *,
    opset: int = 17,
    output: str = "y",
) -> onnx.ModelProto:
    """A model with the input ``x`` and one output whose shape is left open."""
    graph = helper.make_graph(
        list(nodes),
        "tested",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, list(input_shape))],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
        [numpy_helper.from_array(array, name) for name, array in (constants or {}).items()],
    )
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8 if opset > 8 else 4)


def save(proto: onnx.ModelProto, folder: Path, name: str = "net.onnx") -> Path:
    path = folder / name
    path.write_bytes(proto.SerializeToString())
    return path


def run_onnx(proto: onnx.ModelProto, x: FloatArray) -> FloatArray:
    """The output by onnxruntime, without its graph optimisations."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def check(
    proto: onnx.ModelProto,
    folder: Path,
    *,
    input_size: int | None = None,
    tolerance: float = 2e-5,
    non_negative: bool = False,
) -> Graph:
    """Read ``proto``; the graph, its folded form and both exports must agree with onnxruntime.

    Returns:
        The graph as it was read.
    """
    graph = read_onnx(save(proto, folder), input_size=input_size)
    validate(graph)
    folded = fold(graph)
    assert not any(isinstance(node, BatchNorm) for node in folded.nodes)
    x = weights(*graph.shapes[graph.input], seed=7)
    if non_negative:
        x = np.abs(x)
    expected = run_onnx(proto, x)
    scale = max(1.0, float(np.abs(expected).max()))
    for candidate in (graph, folded):
        exported = to_onnx(candidate)
        onnx.checker.check_model(exported, full_check=True)
        for actual in (evaluate(candidate, x), run_onnx(exported, x)):
            assert actual.size == expected.size
            np.testing.assert_allclose(
                actual.reshape(-1), expected.reshape(-1), rtol=0, atol=tolerance * scale
            )
    return graph
