"""Costs of layers against numbers worked out by hand and published ones."""

from __future__ import annotations

import pytest

from harness.model.load import load_model
from harness.model.summary import summarize_model
from tests.model.networks import batch_norm, conv, dense, graph_of


def test_convolution_with_groups() -> None:
    graph = graph_of([conv("c", "x", 4, 6, pad=1, groups=2), batch_norm("b", "c", 6)])
    summary = summarize_model(graph)
    first, second = summary.layers
    # 7 x 6 places, 6 outputs, 2 inputs each, 3 x 3 taps.
    assert first.macs == 7 * 6 * 6 * 2 * 9 == summary.macs
    assert first.parameters == 6 * 2 * 9 + 6
    assert (first.matrix, first.groups, first.positions) == ((18, 3), 2, 42)
    assert (first.op, first.input_shapes, first.output_shape) == (
        "Conv",
        ((1, 4, 7, 6),),
        (1, 6, 7, 6),
    )
    assert (second.macs, second.parameters, second.matrix) == (0, 12, None)
    assert summary.parameters == 6 * 2 * 9 + 6 + 12


def test_dense() -> None:
    (layer,) = summarize_model(graph_of([dense("d", "x", 5, 3)], (1, 5))).layers
    assert (layer.macs, layer.parameters, layer.matrix, layer.positions) == (15, 18, (5, 3), 1)


@pytest.mark.parametrize(
    ("name", "mega_macs", "thousand_parameters"),
    # ResNet-20: He et al. 2016, table 6 (0.27 M parameters) and its 40.8 M multiply-adds;
    # VGG-16 with a CIFAR-10 classifier: 313 M and 15 M.  LeNet-5: LeCun et al. 1998 with
    # full connections in the second convolution: 61.7 k parameters.
    [("resnet20", 40.8, 272), ("vgg16", 313, 14_980), ("lenet5", 0.4165, 61.7)],
)
def test_known_networks(name: str, mega_macs: float, thousand_parameters: float) -> None:
    summary = summarize_model(load_model(name))
    assert summary.macs / 1e6 == pytest.approx(mega_macs, rel=0.01)
    assert summary.parameters / 1e3 == pytest.approx(thousand_parameters, rel=0.01)
    assert summary.name == name
    assert summary.random_weights
