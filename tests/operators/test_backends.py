"""One text of an operator gives the same on numpy's arrays and on torch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from harness.model.classes import program_graph
from harness.model.fold import fold
from harness.operators.backend.numpy_backend import NumpyFloat, NumpyInteger
from harness.operators.backend.torch_backend import Arithmetic, TorchFloat, TorchInteger
from harness.operators.backend.window_counts import window_counts
from harness.operators.node import arrays_of
from harness.operators.window import Window
from harness.quant.float_reference import run_float, to_nhwc
from harness.quant.quantize import quantize, quantize_input
from harness.quant.reference import run_integer
from tests.quant.networks import branching, plain, samples

GRAPHS = {"branching": branching(), "plain": plain()}


@pytest.mark.parametrize("name", GRAPHS)
def test_float_functions(name: str) -> None:
    graph = GRAPHS[name]
    images = samples(graph, 3)
    kept = run_float(graph, images)
    for node in graph.nodes:
        inputs = [to_nhwc(kept[tensor]) for tensor in node.inputs]
        shape = graph.shapes[node.output]
        arrays = dict(arrays_of(node))
        expected = node.compute(NumpyFloat(), inputs, shape, arrays)
        tensors = {field: torch.from_numpy(array) for field, array in arrays.items()}
        result = node.compute(TorchFloat(), [torch.from_numpy(x) for x in inputs], shape, tensors)
        np.testing.assert_allclose(result.numpy(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", GRAPHS)
def test_integer_arithmetic(name: str) -> None:
    graph = fold(program_graph(GRAPHS[name]))
    images = samples(graph, 3)
    network = quantize(graph, images)
    kept = run_integer(network, quantize_input(images, network.tensors[network.input].scale))
    how = Arithmetic(torch.device("cpu"), exact=True)
    backend = TorchInteger(how)
    for node in network.nodes:
        inputs = [kept[tensor] for tensor in node.inputs]
        output = network.tensors[node.output].shape
        expected = node.compute(NumpyInteger(), inputs, output)
        result = node.compute(backend, [how.tensor(x) for x in inputs], output)
        assert np.array_equal(result.numpy(), expected), node.name


@pytest.mark.parametrize(
    "window",
    [
        Window((2, 2), (2, 2), (0, 0, 0, 0)),
        Window((3, 3), (2, 2), (1, 1, 1, 1)),
        Window((3, 2), (1, 3), (2, 0, 0, 1)),
        Window((5, 6), (1, 1), (0, 0, 0, 0)),
    ],
)
def test_window_counts(window: Window) -> None:
    counts = window_counts(5, 6, window, False)
    for (row, column), count in np.ndenumerate(counts):
        top = row * window.stride[0] - window.pads[0]
        left = column * window.stride[1] - window.pads[1]
        rows = [y for y in range(top, top + window.kernel[0]) if 0 <= y < 5]
        columns = [x for x in range(left, left + window.kernel[1]) if 0 <= x < 6]
        assert count == len(rows) * len(columns)
    assert counts.shape == window.output_size(5, 6)
    assert (window_counts(5, 6, window, True) == window.kernel[0] * window.kernel[1]).all()
