"""Networks that torch's own exporter writes, as users have them: dynamic batch, odd blocks."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from harness.model.fold import fold
from harness.model.graph import Graph
from harness.model.onnx_reader import read_onnx
from harness.operators.batch_norm import BatchNorm
from harness.operators.conv import Conv
from harness.operators.reshape import Reshape
from tests.model.interpreter import evaluate
from tests.model.onnx_models import weights

torch = pytest.importorskip("torch")
nn = torch.nn
functional = torch.nn.functional


def conv_bn(
    depth: int, outputs: int, stride: int = 1, groups: int = 1, kernel: int = 3
) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(depth, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    )


class BasicBlock(nn.Module):
    def __init__(self, depth: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first, self.second = conv_bn(depth, outputs, stride), conv_bn(outputs, outputs)
        self.shortcut = conv_bn(depth, outputs, stride, kernel=1) if stride != 1 else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(self.second(torch.relu(self.first(x))) + self.shortcut(x))


class Residual(nn.Module):
    """A stem with max pooling, basic blocks, adaptive pooling and flatten."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv_bn(3, 8, 2, kernel=7), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
        self.layer1 = nn.Sequential(BasicBlock(8, 8, 1), BasicBlock(8, 12, 2))
        self.avgpool, self.fc = nn.AdaptiveAvgPool2d((1, 1)), nn.Linear(12, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(torch.flatten(self.avgpool(self.layer1(self.stem(x))), 1))


class InvertedResidual(nn.Module):
    """ReLU6, depthwise convolutions and a mean over height and width."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *(conv_bn(3, 8, 2), nn.ReLU6()),
            *(conv_bn(8, 24, kernel=1), nn.ReLU6(), conv_bn(24, 24, 1, groups=24), nn.ReLU6()),
            conv_bn(24, 8, kernel=1),
        )
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(8, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.features(x).mean([2, 3]))


class Fire(nn.Module):
    """Two branches to concatenate, ceil_mode pooling and a convolutional classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, stride=2)
        self.squeeze, self.expand1 = nn.Conv2d(16, 4, 1), nn.Conv2d(4, 8, 1)
        self.expand3, self.last = nn.Conv2d(4, 8, 3, padding=1), nn.Conv2d(16, 10, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.max_pool2d(torch.relu(self.stem(x)), 3, 2, ceil_mode=True)
        x = torch.relu(self.squeeze(x))
        x = torch.cat([torch.relu(self.expand1(x)), torch.relu(self.expand3(x))], 1)
        x = functional.adaptive_avg_pool2d(torch.relu(self.last(x)), 1)
        return functional.softmax(torch.flatten(x, 1), dim=1)


class PreActivation(nn.Module):
    """Normalised input, normalisation first, padding apart, shapes computed from the input."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(3), nn.Conv2d(3, 6, 3, bias=False)
        self.norm2, self.fc = nn.BatchNorm1d(6 * 16), nn.Linear(6 * 16, 7)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = (x - 0.5) / 0.25
        x = self.conv(functional.pad(torch.relu(self.norm(x)), (0, 1, 0, 1)))
        x = functional.avg_pool2d(x, 2, 2, ceil_mode=True)
        x = functional.avg_pool2d(x, 4)
        x = x.view(x.size(0), -1)
        return self.fc(torch.clamp(self.norm2(x), min=-1.0)) @ torch.eye(7) + 1.0


NETWORKS = [Residual, InvertedResidual, Fire, PreActivation]


def randomise(network: nn.Module) -> None:
    """Statistics of normalisation as training leaves them, not the initial ones."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            for values in (module.running_mean, module.bias.data):
                values.normal_()
            for values in (module.running_var, module.weight.data):
                values.uniform_(0.5, 2.0)


def export(network: nn.Module, path: Path, *, size: int, opset: int, folding: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(2, 3, size, size),),
            str(path),
            dynamo=False,
            opset_version=opset,
            do_constant_folding=folding,
            training=torch.onnx.TrainingMode.EVAL,
            input_names=["input"],
            output_names=["output"],
            dynamic_axes={"input": {0: "batch"}, "output": {0: "batch"}},
        )


@pytest.mark.parametrize("opset", [9, 13, 18])
@pytest.mark.parametrize("folding", [True, False])
@pytest.mark.parametrize("kind", NETWORKS)
def test_exported(kind: type[nn.Module], folding: bool, opset: int, tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = kind().eval()
    randomise(network)
    path = tmp_path / "exported.onnx"
    export(network, path, size=32, opset=opset, folding=folding)
    graph = read_onnx(path)
    assert graph.shapes["input"] == (1, 3, 32, 32)
    x = weights(1, 3, 32, 32, seed=2)
    with torch.no_grad():
        expected = network(torch.from_numpy(x)).numpy()
    for candidate in (graph, fold(graph)):
        np.testing.assert_allclose(evaluate(candidate, x), expected, rtol=0, atol=2e-5)


def layers(graph: Graph, kind: type) -> list[str]:
    return [node.name for node in graph.nodes if isinstance(node, kind)]


def test_layers_keep_the_names_that_their_author_gave(tmp_path: Path) -> None:
    network = Residual().eval()
    randomise(network)
    path = tmp_path / "exported.onnx"
    export(network, path, size=32, opset=17, folding=False)
    graph = fold(read_onnx(path))
    assert not layers(graph, BatchNorm)
    assert layers(graph, Reshape) == ["flatten"]
    assert layers(graph, Conv) == [
        "stem_0_0_conv",
        "layer1_0_first_0_conv",
        "layer1_0_second_0_conv",
        "layer1_1_first_0_conv",
        "layer1_1_second_0_conv",
        "layer1_1_shortcut_0_conv",
    ]
