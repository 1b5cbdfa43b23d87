"""The input of a search: a trained network, and labelled images in disjoint splits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from harness.config.schema import Config
from harness.data.splits import DatasetSplits, Split
from harness.data.workloads import Recipe, Workload, workload_for
from harness.digest import sha256_of
from harness.errors import DataError, ModelError
from harness.model.builtin import build, input_sizes
from harness.model.checkpoint import Dtype, as_stored, load_checkpoint
from harness.model.classes import class_count
from harness.model.fold import fold
from harness.model.graph import Graph
from harness.model.load import load_model
from harness.model.onnx_path import is_onnx_path
from harness.operators.node import arrays_of
from harness.operators.tensor import FloatArray
from harness.pipeline.samples import CALIBRATION_IMAGES, load_samples
from harness.quant.program import QNetwork
from harness.quant.quantize import quantize

IntArray: TypeAlias = npt.NDArray[np.int64]

LARGEST_CHECKPOINT: Final = 16 << 20  # bytes; larger ones take int8 instead of float16
EVERY_IMAGE: Final = 1 << 40


@dataclass(frozen=True, eq=False)
class Labelled:
    """Images as the network takes them, float32 [n, ...], and their classes [n]."""

    images: FloatArray
    labels: IntArray

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, count: int) -> Labelled:
        """The first ``count``, or all if there are fewer."""
        return Labelled(self.images[:count], self.labels[:count])


@dataclass(frozen=True, eq=False)
class Task:
    """A network whose mapping is searched.

    ``graph`` has its batch normalisations if it is a built-in network.  ``training`` and
    ``recipe`` are None for a network that cannot be retrained.
    """

    graph: Graph
    classes: int
    dataset: str
    calibration: FloatArray
    validation: Labelled
    test_split: Split | Labelled
    training: Split | None
    recipe: Recipe | None
    checksums: dict[str, str]

    @property
    def name(self) -> str:
        return self.graph.name

    @cached_property
    def test(self) -> Labelled:
        """The test split, read at its first use: once, at the end."""
        return _labelled(self.test_split, self.graph)

    @property
    def dtype(self) -> Dtype | None:
        """The type in which a checkpoint of the network is stored; None: it has no checkpoint."""
        if self.recipe is None:
            return None
        values = sum(array.size for node in self.graph.nodes for _, array in arrays_of(node))
        return "float16" if 2 * values < LARGEST_CHECKPOINT else "int8"

    def stored(self, graph: Graph) -> Graph:
        """``graph`` with weights as the checkpoint will have them."""
        return graph if self.dtype is None else as_stored(graph, self.dtype)

    def quantized(self, graph: Graph) -> QNetwork:
        """``graph`` as every run of its mapping will quantize it."""
        return quantize(fold(graph), self.calibration)


def load_task(config: Config) -> Task:
    """The network and data of ``config.run``.

    Raises:
        ModelError: The network has no trained weights.
        DataError: There are no labelled images for it, or no such checkpoint.
    """
    run = config.run
    if is_onnx_path(run.model):
        return _own_network(config)
    workload = workload_for(run.model)
    build(run.model, run.input_size)  # an unknown network or size: its own message
    if workload is None:
        raise DataError(
            "there are no labelled images to measure its accuracy on",
            where=run.model,
            hint="give an .onnx file with --dataset images-and-labels.npz",
        )
    checkpoint = Path(run.checkpoint) if run.checkpoint is not None else None
    if checkpoint is None and run.input_size in (None, input_sizes(run.model)[0]):
        checkpoint = workload.checkpoint_path()
    if checkpoint is None:
        raise ModelError(
            "the network has no trained weights, so that there is no accuracy to keep",
            where=run.model,
            hint="leave --input out, or train it and name --checkpoint",
        )
    graph = load_checkpoint(build(run.model, run.input_size), checkpoint)
    splits = workload.load_splits(None if run.dataset is None else Path(run.dataset))
    return _built_in(graph, workload, splits)


def _built_in(graph: Graph, workload: Workload, splits: DatasetSplits) -> Task:
    shape = graph.shapes[graph.input]
    images = workload.images
    if shape[1:] != (images.channels, images.height, images.width):
        raise DataError(
            f"the network takes {list(shape[1:])}, which no dataset's images fit",
            where=graph.name,
            hint="leave --input out",
        )
    return Task(
        graph=graph,
        classes=workload.classes,
        dataset=splits.dataset,
        calibration=splits.calibration.images(0, CALIBRATION_IMAGES),
        validation=_labelled(splits.validation, graph),
        test_split=splits.test,
        training=splits.train,
        recipe=workload.recipe,
        checksums={
            "weights": weights_digest(graph),
            "dataset": splits.source_sha256,
            "train_split": splits.train.sha256(),
            "calibration_split": splits.calibration.sha256(),
            "validation_split": splits.validation.sha256(),
            "test_split": splits.test.sha256(),
        },
    )


def _own_network(config: Config) -> Task:
    """A user's network and images: the first half of the images without calibration is the test
    split.

    If a dataset has a test split of its own, both halves are from it.
    """
    run = config.run
    if run.dataset is None:
        raise DataError(
            "there are no labelled images to measure its accuracy on",
            where=run.model,
            hint="name an .npz with the arrays images and labels: --dataset FILE.npz",
        )
    graph = load_model(run.model, input_size=run.input_size)
    samples = load_samples(graph, run, None, reference_images=EVERY_IMAGE)
    classes = class_count(graph)
    if samples.labels is None or classes is None:
        raise DataError(
            f"there is no accuracy to keep: {samples.no_labels}",
            where=f"{run.model} on {run.dataset}",
            hint="give a trained classifier and the array labels: the class of each image",
        )
    if len(samples.labels) < 2:
        raise DataError(
            "there are fewer than two images beside those for calibration", where=run.dataset
        )
    half = len(samples.labels) // 2
    everything = Labelled(samples.images, samples.labels)
    validation = Labelled(everything.images[half:], everything.labels[half:])
    test = everything.first(half)
    return Task(
        graph=graph,
        classes=classes,
        dataset=samples.provenance["dataset"],
        calibration=samples.calibration,
        validation=validation,
        test_split=test,
        training=None,
        recipe=None,
        checksums={
            "weights": weights_digest(graph),
            "calibration_split": _digest(samples.calibration),
            "validation_split": _digest(validation.images, validation.labels),
            "test_split": _digest(test.images, test.labels),
        },
    )


def weights_digest(graph: Graph) -> str:
    """SHA-256 over names and values of all weights, in hexadecimal."""
    digest = hashlib.sha256()
    for node in graph.nodes:
        for name, array in arrays_of(node):
            digest.update(f"{node.name}.{name}{array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array, "<f4").data)
    return digest.hexdigest()


def _labelled(split: Split | Labelled, graph: Graph) -> Labelled:
    if isinstance(split, Labelled):
        return split
    shape = graph.shapes[graph.input][1:]
    images = split.images().reshape(len(split), *shape)
    return Labelled(np.ascontiguousarray(images), split.labels.astype(np.int64))


def _digest(*arrays: npt.NDArray[np.generic]) -> str:
    return sha256_of(*(np.ascontiguousarray(array).data for array in arrays))
