"""Torch modules are exported as they would infer, and stay as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import aimc
from aimc.networks import name_network
from harness.errors import ModelError
from harness.model.onnx_reader import read_onnx
from tests.model.interpreter import evaluate

IMAGE = torch.zeros(1, 2, 9, 9)


class Small(nn.Module):
    """Normalisation and dropout, which training and inference compute differently."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(2, 5, 3), nn.BatchNorm2d(5), nn.ReLU())
        self.drop, self.fc = nn.Dropout(0.5), nn.Linear(5 * 49, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.drop(torch.flatten(self.features(x), 1)))


class TwoInputs(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a + b


class TwoOutputs(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.relu(x), x + 1


class Large(nn.Module):
    """4 GiB of weights that take no memory."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1).expand(1 << 15, 1 << 15))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ self.weight


@pytest.fixture
def module() -> Small:
    torch.manual_seed(5)
    made = Small()
    norm = made.features[1]
    norm.running_mean.normal_()
    norm.running_var.uniform_(0.5, 2.0)
    return made


def test_a_module_is_run_and_then_served(module: Small) -> None:
    first = aimc.run(module, example_inputs=IMAGE, images=1)
    assert first.comparison.model.name == "small"
    assert set(first.layers["operator"]) == {"conv", "dense"}
    again = aimc.run(module, example_inputs=(torch.ones(1, 2, 9, 9),), images=1)
    assert again.served
    with torch.no_grad():
        module.fc.bias += 1
    assert not aimc.run(module, example_inputs=IMAGE, images=1).served


def test_the_file_infers_as_the_module_does(module: Small) -> None:
    network = name_network(module, Path("models"), IMAGE)
    network.store()
    x = np.random.default_rng(1).normal(size=(1, 2, 9, 9)).astype(np.float32)
    with torch.no_grad():
        expected = module.eval()(torch.from_numpy(x)).numpy()
    found = evaluate(read_onnx(Path(network.name)), x)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)


def test_the_module_stays_as_it_was(module: Small) -> None:
    module.train()
    module.features[1].eval()  # as is done to fine-tune with fixed statistics
    modes = [part.training for part in module.modules()]
    state = {name: value.clone() for name, value in module.state_dict().items()}
    random = torch.get_rng_state()
    name_network(module, Path("models"), IMAGE)
    with pytest.raises(ModelError):
        name_network(module, Path("models"), torch.zeros(1, 3, 9, 9))
    assert [part.training for part in module.modules()] == modes
    assert all(torch.equal(value, state[name]) for name, value in module.state_dict().items())
    assert all(parameter.requires_grad for parameter in module.parameters())
    assert torch.equal(torch.get_rng_state(), random)
    assert torch.is_grad_enabled()


@pytest.mark.parametrize(
    ("module", "inputs", "says"),
    [
        (Small(), None, r"Small: a torch module needs example_inputs=\n"),
        (Small(), (IMAGE, IMAGE), "has 2 inputs, a network has one"),
        (Small(), (), "has 0 inputs"),
        (Small(), torch.zeros(3, 2, 9, 9), r"the shape \(3, 2, 9, 9\), not one image"),
        (Small(), torch.zeros(1), "not one image"),
        (Small(), IMAGE.int(), "no tensor of floating-point numbers"),
        (Small(), np.zeros((1, 2, 9, 9)), "no tensor of floating-point numbers"),
        (Small(), torch.zeros(1, 3, 9, 9), "torch cannot export the module: Given groups=1"),
        (TwoInputs(), IMAGE, "torch cannot export the module: .*forward.* missing"),
        (TwoOutputs(), IMAGE, "2 outputs, not one"),
        (nn.Sequential(nn.Linear(4, 4), nn.GELU()), torch.zeros(1, 4), "not supported"),
        (nn.Linear(4, 4).double(), torch.zeros(1, 4).double(), "in float32"),
        (nn.LazyLinear(4), torch.zeros(1, 4), "parameters without a shape"),
        (Large(), torch.zeros(1, 1 << 15), "takes 4.0 GiB .* largest that is read has 1 GiB"),
    ],
    ids=lambda part: type(part).__name__,
)
def test_what_cannot_be_a_network_is_refused(module: nn.Module, inputs: object, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        aimc.run(module, example_inputs=inputs)
