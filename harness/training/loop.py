"""The training loop: resumable after any epoch, deterministic for a number of threads."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from harness.data.splits import DatasetSplits, Normalisation, Split
from harness.data.workloads import Recipe
from harness.errors import DataError
from harness.model.graph import Graph
from harness.training.augment import shift_and_flip
from harness.training.module import GraphModule
from harness.training.state import EpochRecord, TrainingState, load_state, save_state

_EVALUATION_BATCH = 500


@dataclass(frozen=True, eq=False)
class Trained:
    """The network of the best validation, with its epochs."""

    graph: Graph
    best_epoch: int
    validation_accuracy: float
    records: tuple[EpochRecord, ...]


@dataclass(frozen=True, eq=False)
class TensorSplit:
    """A split in memory, as training reads it."""

    pixels: Tensor  # uint8 [n, c, h, w]: a quarter of the size of normalised images
    labels: Tensor
    normalisation: Normalisation

    def images(self, indices: Tensor | slice) -> Tensor:
        """Normalised float32 images, equal to `Split.images` bit for bit."""
        mean = torch.tensor(self.normalisation.mean, dtype=torch.float32)[:, None, None]
        deviation = torch.tensor(self.normalisation.deviation, dtype=torch.float32)[:, None, None]
        return (self.pixels[indices].to(torch.float32) / 255.0 - mean) / deviation


def train(
    graph: Graph,
    splits: DatasetSplits,
    recipe: Recipe,
    *,
    state_path: Path,
    threads: int = 2,
    on_epoch: Callable[[EpochRecord], None] = lambda _: None,
) -> Trained:
    """Train ``graph`` on ``splits.train``; ``splits.validation`` chooses the epoch.

    The test and calibration splits are not used.  After every epoch the state is written to
    ``state_path``.  If that file exists, training continues from it, with the same result as
    without the interruption.

    Args:
        threads: Number of torch threads; results are reproducible for one number and machine.
        on_epoch: Called with each finished epoch's record.

    Raises:
        DataError: ``state_path`` holds another run's state, images do not fit the
            network, or the loss is no longer finite.
    """
    fingerprint = _fingerprint(graph, splits, recipe)
    with torch_settings(threads):
        module = GraphModule(graph).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = make_optimizer(module, recipe)
        state = load_state(state_path, fingerprint) or TrainingState(fingerprint)
        if state.epoch:
            module.load_state_dict(state.module)
            optimizer.load_state_dict(state.optimizer)
        save_state(state, state_path)  # find a folder that cannot be written now
        training = tensor_split(splits.train, graph)
        validation = tensor_split(splits.validation, graph)
        while state.epoch < recipe.epochs and not _exhausted(state, recipe):
            record = _epoch(module, optimizer, training, validation, recipe, state.epoch)
            state.records.append(record)
            state.epoch = record.epoch
            state.module = _copy(module)
            state.optimizer = optimizer.state_dict()
            # Of equal ones the later, which was trained longer with a smaller rate.
            if record.validation_accuracy >= state.best_accuracy:
                state.best, state.best_epoch = state.module, record.epoch
                state.best_accuracy = record.validation_accuracy
            save_state(state, state_path)
            on_epoch(record)
        module.load_state_dict(state.best)
        return Trained(
            module.to_graph(), state.best_epoch, state.best_accuracy, tuple(state.records)
        )


def evaluate(graph: Graph, split: Split, *, threads: int = 2) -> float:
    """Share of ``split`` that ``graph`` classifies correctly, in float32."""
    with torch_settings(threads):
        return _accuracy(GraphModule(graph), tensor_split(split, graph))


def _accuracy(module: GraphModule, data: TensorSplit) -> float:
    module.eval()
    correct = 0
    with torch.inference_mode():
        for start in range(0, len(data.labels), _EVALUATION_BATCH):
            part = slice(start, start + _EVALUATION_BATCH)
            logits = module(data.images(part))
            correct += int((logits.argmax(dim=1) == data.labels[part]).sum())
    return correct / len(data.labels)


def learning_rate_at(recipe: Recipe, progress_epochs: float) -> float:
    """Linear from 0 to the peak over the warm-up, then half a cosine down to 0."""
    if progress_epochs < recipe.warmup_epochs:
        return recipe.learning_rate * progress_epochs / recipe.warmup_epochs
    rest = recipe.epochs - recipe.warmup_epochs
    phase = min(1.0, (progress_epochs - recipe.warmup_epochs) / rest) if rest > 0 else 1.0
    return recipe.learning_rate * 0.5 * (1.0 + math.cos(math.pi * phase))


def _epoch(
    module: GraphModule,
    optimizer: torch.optim.SGD,
    training: TensorSplit,
    validation: TensorSplit,
    recipe: Recipe,
    epoch: int,
) -> EpochRecord:
    began = time.monotonic()
    # One generator per epoch, so that no random state must be saved.
    generator = torch.Generator().manual_seed((recipe.seed << 20) + epoch)
    batches = shuffled_batches(training, recipe.batch_size, generator)
    rates = [
        learning_rate_at(recipe, epoch + (index + 1) / len(batches))
        for index in range(len(batches))
    ]
    loss = train_on(
        module, optimizer, training, recipe, zip(batches, rates, strict=True), generator
    )
    if not math.isfinite(loss):
        raise DataError(
            f"training diverged in epoch {epoch + 1}: the loss is {loss}",
            hint="lower the learning rate of the recipe",
        )
    accuracy = _accuracy(module, validation)
    return EpochRecord(epoch + 1, rates[-1], loss, accuracy, time.monotonic() - began)


def shuffled_batches(training: TensorSplit, size: int, generator: torch.Generator) -> list[Tensor]:
    """All images in random order, as indices, ``size`` at a time."""
    order = torch.randperm(len(training.labels), generator=generator)
    batches = list(torch.split(order, size))
    if len(batches) > 1 and len(batches[-1]) < 2:
        batches.pop()  # a batch of one has no statistics
    return batches


def train_on(
    module: nn.Module,
    optimizer: torch.optim.SGD,
    training: TensorSplit,
    recipe: Recipe,
    batches: Iterable[tuple[Tensor, float]],
    generator: torch.Generator,
) -> float:
    """One optimizer step for each of ``batches``, pairs of indices and learning rate.

    Returns:
        The mean loss over the images, with label smoothing and augmentation.
    """
    module.train()
    loss_sum, seen = 0.0, 0
    for batch, rate in batches:
        for group in optimizer.param_groups:
            group["lr"] = rate
        images = shift_and_flip(training.images(batch), recipe.shift_pixels, recipe.flip, generator)
        loss = _step(module, optimizer, images, training.labels[batch], recipe)
        loss_sum, seen = loss_sum + loss * len(batch), seen + len(batch)
    return loss_sum / seen


def _step(
    module: nn.Module,
    optimizer: torch.optim.SGD,
    images: Tensor,
    labels: Tensor,
    recipe: Recipe,
) -> float:
    optimizer.zero_grad(set_to_none=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=recipe.precision == "bfloat16"):
        logits = module(images)
    loss = functional.cross_entropy(logits.float(), labels, label_smoothing=recipe.label_smoothing)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return float(loss.detach())


def make_optimizer(module: nn.Module, recipe: Recipe) -> torch.optim.SGD:
    """SGD of the recipe, without weight decay of vectors."""
    # Vectors are biases and batch-norm parameters: decaying them only biases the output.
    parameters = list(module.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.SGD(
        groups,
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.momentum > 0.0,
    )


def _exhausted(state: TrainingState, recipe: Recipe) -> bool:
    if not recipe.patience_epochs or not state.records:
        return False
    accuracies = [record.validation_accuracy for record in state.records]
    improved = accuracies.index(max(accuracies)) + 1  # the last epoch better than all before
    return state.epoch - improved >= recipe.patience_epochs


def _copy(module: nn.Module) -> dict[str, Tensor]:
    return {key: value.detach().clone() for key, value in module.state_dict().items()}


def tensor_split(split: Split, graph: Graph) -> TensorSplit:
    """``split`` in memory.

    Raises:
        DataError: Its images do not fit ``graph``.
    """
    pixels = torch.from_numpy(split.pixels())
    expected = tuple(graph.shapes[graph.input][1:])
    if tuple(pixels.shape[1:]) != expected:
        raise DataError(
            f"images are {list(pixels.shape[1:])}, {graph.name} takes {list(expected)}",
            where=split.name,
        )
    return TensorSplit(
        pixels.contiguous(memory_format=torch.channels_last),
        torch.from_numpy(split.labels),
        split.normalisation,
    )


def _fingerprint(graph: Graph, splits: DatasetSplits, recipe: Recipe) -> str:
    digest = hashlib.sha256()
    for node in graph.nodes:
        for name, value in vars(node).items():
            plain = value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode()
            digest.update(name.encode() + b"=" + plain + b";")
    known = {
        "recipe": recipe.model_dump(),
        "source": splits.source_sha256,
        "train": splits.train.sha256(),
        "validation": splits.validation.sha256(),
        "normalisation": dataclasses.asdict(splits.train.normalisation),
        "size": splits.train.size,
    }
    digest.update(json.dumps(known, sort_keys=True).encode())
    return digest.hexdigest()


@contextlib.contextmanager
def torch_settings(threads: int) -> Iterator[None]:
    """Deterministic algorithms and a number of threads, for the `with` block."""
    before_threads = torch.get_num_threads()
    before = torch.are_deterministic_algorithms_enabled()
    memory = torch.utils.deterministic
    before_fill = memory.fill_uninitialized_memory  # type: ignore[attr-defined]
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    # Filling takes a sixth of a training step, and no uninitialised value is read.
    memory.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        yield
    finally:
        memory.fill_uninitialized_memory = before_fill  # type: ignore[attr-defined]
        torch.use_deterministic_algorithms(before)
        torch.set_num_threads(before_threads)
