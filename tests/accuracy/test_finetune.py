"""Hardware-aware retraining: what it adds, that it helps, and that it can be repeated."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from harness.accuracy.baseline import float_correct
from harness.accuracy.finetune import (
    RetrainingSegment,
    TrainingNoise,
    _AnalogLayer,
    retrain,
    segments,
)
from harness.accuracy.task import Task, load_task, weights_digest
from harness.data.splits import Normalisation
from harness.data.workloads import workload_for
from harness.errors import ModelError
from harness.model.builtin import build
from harness.model.graph import Graph
from harness.operators.batch_norm import BatchNorm
from harness.operators.conv import Conv
from harness.operators.dense import Dense
from harness.training.loop import TensorSplit, tensor_split
from harness.training.module import GraphModule, MatrixLayer
from tests.accuracy.searches import run_config

NOISE = TrainingNoise(weight_noise=0.08, input_bits=8, output_bits=8, output_noise_lsb=0.6)
EXACT = TrainingNoise(weight_noise=0.0, input_bits=16, output_bits=16, output_noise_lsb=0.0)


@pytest.fixture(scope="module")
def task() -> Task:
    return load_task(run_config("mlp"))


@pytest.fixture(scope="module")
def training(task: Task) -> TensorSplit:
    assert task.training is not None
    return tensor_split(task.training, task.graph)


def matrices(graph: Graph) -> list[str]:
    return [node.name for node in graph.nodes if isinstance(node, Conv | Dense)]


def trained(
    task: Task,
    training: TensorSplit,
    noise: TrainingNoise = NOISE,
    *,
    epochs: float = 1.0,
    rate: float = 0.01,
    seed: int = 1,
) -> Graph:
    assert task.recipe is not None
    graph = task.graph
    for index, segment in enumerate(segments(epochs, rate)):
        graph = retrain(
            graph,
            matrices(graph),
            training,
            task.recipe,
            noise,
            segment,
            seed=seed + index,
            threads=1,
        )
    return graph


def test_passages_cover_a_retraining() -> None:
    assert segments(0.0, 0.1) == ()
    assert segments(0.25, 0.1) == (RetrainingSegment(0.25, 0.1, 0.0),)
    parts = segments(2.5, 0.1)
    assert [part.epochs for part in parts] == [1.0, 1.0, 0.5]
    assert parts[0].first_rate == 0.1
    assert parts[-1].last_rate == pytest.approx(0.0)
    for before, after in itertools.pairwise(parts):
        assert before.last_rate == after.first_rate


def layer(
    node: Conv | Dense, noise: TrainingNoise, seed: int = 3
) -> tuple[_AnalogLayer, MatrixLayer]:
    inner = GraphModule(_single(node)).layers[node.name]
    assert isinstance(inner, MatrixLayer)
    return _AnalogLayer(inner, noise, torch.Generator().manual_seed(seed)), inner


def _single(node: Conv | Dense) -> Graph:
    whole = build("lenet5")
    shapes = {name: whole.shapes[name] for name in (*node.inputs, node.output)}
    return Graph("one", node.inputs[0], node.output, (node,), shapes, random_weights=True)


def node_of(name: str) -> Conv | Dense:
    node = next(node for node in build("lenet5").nodes if node.name == name)
    assert isinstance(node, Conv | Dense)
    return node


@pytest.mark.parametrize("name", ["conv2", "fc2"])
def test_fine_converters_and_no_noise_change_nothing(name: str) -> None:
    node = node_of(name)
    analog, inner = layer(node, EXACT)
    shape = build("lenet5").shapes[node.inputs[0]][1:]
    x = torch.randn(4, *shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        difference = (analog(x) - inner(x)).abs().max() / inner(x).abs().max()
    assert 0 < float(difference) < 2e-4


@pytest.mark.parametrize("name", ["conv2", "fc2"])
def test_weights_are_noisy_in_the_unit_of_a_channel_and_anew_each_time(name: str) -> None:
    node = node_of(name)
    analog, inner = layer(node, NOISE)
    draws = torch.stack(
        [analog._noisy_weight().detach() - inner.weight.detach() for _ in range(200)]
    )
    largest = inner.weight.detach().flatten(1).abs().amax(dim=1)
    spread = draws.flatten(2).std(dim=(0, 2)) / largest
    assert not torch.equal(draws[0], draws[1])
    np.testing.assert_allclose(spread.numpy(), 0.08, rtol=0.06)


def test_outputs_have_the_converters_noise() -> None:
    node = node_of("fc2")
    noise = TrainingNoise(0.0, input_bits=16, output_bits=8, output_noise_lsb=0.6)
    analog, inner = layer(node, noise)
    x = torch.randn(4096, 120, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        exact = inner(x) - inner.bias
        error = analog(x) - inner.bias - exact
    step = exact.abs().amax(dim=0) / 127
    # Rounding adds a twelfth of a step squared.
    np.testing.assert_allclose((error.std(dim=0) / step).numpy(), (0.36 + 1 / 12) ** 0.5, rtol=0.1)


def test_gradients_pass_the_roundings() -> None:
    node = node_of("fc2")
    analog, inner = layer(node, EXACT)
    x = torch.randn(8, 120, generator=torch.Generator().manual_seed(0), requires_grad=True)
    analog(x).square().sum().backward()
    through = x.grad.clone() if x.grad is not None else torch.zeros(0)
    x.grad = None
    inner.zero_grad()
    inner(x).square().sum().backward()
    assert x.grad is not None
    torch.testing.assert_close(through, x.grad, rtol=1e-3, atol=2e-3)


def test_retraining_is_reproducible_and_seeded(task: Task, training: TensorSplit) -> None:
    digests = [weights_digest(trained(task, training, epochs=0.3, seed=seed)) for seed in (1, 1, 2)]
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]
    assert digests[0] != weights_digest(task.graph)


def accuracy_with_noisy_weights(task: Task, graph: Graph, scale: float) -> float:
    """Mean over sets of normally disturbed weights."""
    rng = np.random.default_rng(5)
    accuracies = []
    for _ in range(12):
        nodes = []
        for node in graph.nodes:
            if isinstance(node, Conv | Dense):
                rows = np.abs(node.weight).reshape(len(node.weight), -1).max(axis=1)
                unit = rows.reshape(-1, *[1] * (node.weight.ndim - 1))
                noisy = node.weight + scale * unit * rng.standard_normal(node.weight.shape)
                node = type(node)(**{**vars(node), "weight": noisy.astype(np.float32)})
            nodes.append(node)
        noisy_graph = Graph(**{**vars(graph), "nodes": tuple(nodes)})
        accuracies.append(float_correct(noisy_graph, task.validation, threads=1).mean())
    return float(np.mean(accuracies))


def test_retraining_makes_a_network_robust(task: Task, training: TensorSplit) -> None:
    noise = TrainingNoise(0.25, input_bits=8, output_bits=8, output_noise_lsb=0.6)
    robust = trained(task, training, noise, epochs=8, rate=0.05)
    before = accuracy_with_noisy_weights(task, task.graph, 0.25)
    after = accuracy_with_noisy_weights(task, robust, 0.25)
    assert after > before + 0.02
    assert float_correct(robust, task.validation, threads=1).mean() > 0.93


def test_batch_normalisation_stays_and_adapts() -> None:
    workload = workload_for("resnet20")
    assert workload is not None
    graph = build("resnet20")
    rng = np.random.default_rng(0)
    pixels = torch.from_numpy(rng.integers(0, 256, (16, 3, 32, 32), dtype=np.uint8))
    normalisation = Normalisation(workload.images.mean, workload.images.deviation)
    data = TensorSplit(pixels, torch.arange(16) % 10, normalisation)
    recipe = workload.recipe.model_copy(update={"batch_size": 8})
    after = retrain(
        graph,
        matrices(graph),
        data,
        recipe,
        NOISE,
        RetrainingSegment(1.0, 0.01, 0.0),
        seed=1,
        threads=1,
    )
    norms = [
        (a, b) for a, b in zip(graph.nodes, after.nodes, strict=True) if isinstance(a, BatchNorm)
    ]
    assert len(norms) > 10
    for old, new in norms:
        assert isinstance(old, BatchNorm)
        assert isinstance(new, BatchNorm)
        assert not np.array_equal(old.mean, new.mean)
        assert (new.variance > 0).all()


@pytest.mark.parametrize("name", ["no such layer", "relu1"])
def test_only_matrices_can_be_analog(name: str, task: Task, training: TensorSplit) -> None:
    assert task.recipe is not None
    segment = RetrainingSegment(0.1, 0.01, 0.0)
    with pytest.raises(ModelError, match="analog"):
        retrain(task.graph, [name], training, task.recipe, NOISE, segment, seed=1, threads=1)
