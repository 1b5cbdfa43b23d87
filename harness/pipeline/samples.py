"""The inputs of a run: calibration samples and images, real ones where available."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from harness.config.schema import RunConfig
from harness.data.digits import BUNDLED
from harness.data.images import checked_labels
from harness.data.network_arrays import holds_pixels, network_arrays
from harness.data.npz import Arrays, dataset_name, is_npz_path, read_npz_arrays
from harness.data.workloads import FOLDER_VARIABLE, Workload, workload_of_images
from harness.errors import DataError
from harness.model.classes import class_count, why_no_classes
from harness.model.graph import Graph
from harness.quantities import shape_text

FloatArray: TypeAlias = npt.NDArray[np.float32]

CALIBRATION_IMAGES: Final = 64
"""Enough for stable clipping thresholds; the thresholds of 32 and 64 samples hardly differ."""
SYNTHETIC_CALIBRATION: Final = 16
NO_LABELS: Final = "no labelled images"


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs of one run.

    ``images`` are the simulated ones followed by further test images, up to the number
    asked for, that only the reference sees.  ``labels`` is None where no accuracy can be
    given, and ``no_labels`` then says why; ``statement`` says in words what the inputs are.
    """

    calibration: FloatArray
    images: FloatArray
    labels: npt.NDArray[np.int64] | None
    statement: str
    no_labels: str = NO_LABELS
    provenance: dict[str, str] = field(default_factory=dict)


def load_samples(
    graph: Graph, run: RunConfig, workload: Workload | None, *, reference_images: int
) -> Samples:
    """Choose calibration samples and images for ``graph``.

    A named dataset is used or it is an error; without a name, the bundled one or the one
    in AIMC_DATA is used if the weights are trained, else inputs are drawn from a normal
    distribution.

    Args:
        reference_images: Test images to return, if there are as many; at least
            ``run.images`` are returned or it is an error.

    Raises:
        DataError: A named dataset is missing, malformed or does not fit the network.
    """
    if workload is None and run.dataset is not None:
        return _named_dataset(graph, run, Path(run.dataset), reference_images)
    if workload is not None and _is_used(graph, run, workload):
        if not _fits(workload, graph):
            raise DataError(
                f"the dataset's images do not fit the input {graph.shapes[graph.input]}",
                where=run.dataset,
                hint="leave --dataset or --input out",
            )
        path = None if run.dataset is None else Path(run.dataset)
        return _from_workload(graph, run, workload, path, reference_images)
    return _synthetic(graph, run, workload)


def _is_used(graph: Graph, run: RunConfig, workload: Workload) -> bool:
    """Whether real images are asked for or, for trained weights, at hand."""
    if run.dataset is not None:
        return True
    if graph.random_weights or not _fits(workload, graph):
        return False
    return workload.dataset == BUNDLED or _has_default(workload)


def _fits(workload: Workload, graph: Graph) -> bool:
    image = workload.images
    pixels = image.channels * image.height * image.width
    return pixels == prod(graph.shapes[graph.input])


def _has_default(workload: Workload) -> bool:
    if not os.environ.get(FOLDER_VARIABLE):
        return False
    try:
        workload.open_dataset()
    except DataError:
        return False
    return True


def _to_input(images: FloatArray, graph: Graph) -> FloatArray:
    """Images in the form of the graph's input; flattened for a vector input."""
    shape = graph.shapes[graph.input]
    return np.ascontiguousarray(images.reshape(images.shape[0], *shape[1:]), dtype=np.float32)


def _enough(available: int, run: RunConfig, where: str) -> None:
    if available < run.images:
        raise DataError(
            f"{run.images} images are asked for, the test split has {available}",
            where=where,
            hint=f"ask for at most {available} images",
        )


def _from_workload(
    graph: Graph,
    run: RunConfig,
    workload: Workload,
    path: Path | None,
    count: int,
    remark: str = "",
) -> Samples:
    splits = workload.load_splits(path)
    _enough(len(splits.test), run, splits.source)
    taken = min(max(count, run.images), len(splits.test))
    where = f"{splits.source}: test labels"
    labels, reason = _usable_labels(graph, splits.test.labels, len(splits.test), where)
    return Samples(
        calibration=_to_input(splits.calibration.images(0, CALIBRATION_IMAGES), graph),
        images=_to_input(splits.test.images(0, taken), graph),
        labels=None if labels is None else labels[:taken],
        no_labels=reason,
        statement=f"test images of {splits.dataset}{remark}",
        provenance={
            "dataset": splits.dataset,
            "dataset_sha256": splits.source_sha256,
            "calibration_split_sha256": splits.calibration.sha256(),
            "test_split_sha256": splits.test.sha256(),
        },
    )


def _preprocessing(workload: Workload) -> str:
    """The preprocessing of its images, in words."""
    images = workload.images
    mean, deviation = (
        "/".join(f"{value:g}" for value in values) for values in (images.mean, images.deviation)
    )
    return (
        f", as {workload.network} takes them: {images.height} x {images.width}, "
        f"(pixel / 255 - {mean}) / {deviation}"
    )


def _named_dataset(graph: Graph, run: RunConfig, path: Path, count: int) -> Samples:
    """What a user named for a network of their own: arrays as it takes them, or a dataset.

    A dataset's pixels become inputs as for the built-in networks of that input size.
    """
    shape = graph.shapes[graph.input][1:]
    workload = workload_of_images(shape)
    if is_npz_path(path) and not path.is_dir():
        arrays = read_npz_arrays(path)
        names = () if workload is None else (workload.dataset, *workload.also_accepts)
        if not holds_pixels(arrays, known=dataset_name(path) in names):
            return _own_arrays(graph, run, path, arrays, count)
    if not path.exists() and str(path) != BUNDLED:
        raise DataError("there is no such file or folder", where=str(path))
    if workload is None:
        raise DataError(
            f"how pixels become the network's input {shape_text(shape)} is not known",
            where=str(path),
            hint="name an .npz with images as the network takes them, and labels",
        )
    return _from_workload(graph, run, workload, path, count, _preprocessing(workload))


def _own_arrays(graph: Graph, run: RunConfig, path: Path, stored: Arrays, count: int) -> Samples:
    arrays = network_arrays(stored, graph.shapes[graph.input][1:], path)
    where = f"{path}: {arrays.labels_name}"
    labels, reason = _usable_labels(graph, arrays.labels, len(arrays.images), where)
    calibration, test = arrays.calibration, arrays.images
    if calibration is None:
        held_out = min(CALIBRATION_IMAGES, len(test) // 2)
        if held_out == 0:
            raise DataError("at least 2 images are needed, one for calibration", where=str(path))
        calibration, test = test[len(test) - held_out :], test[: len(test) - held_out]
        source = f"its last {held_out} served calibration only"
    elif len(calibration) == 0:
        raise DataError("there are no images for calibration", where=str(path))
    else:
        calibration = calibration[:CALIBRATION_IMAGES]
        source = f"{len(calibration)} of its training images served calibration"
    _enough(len(test), run, str(path))
    taken = min(max(count, run.images), len(test))
    return Samples(
        calibration=np.ascontiguousarray(calibration),
        images=np.ascontiguousarray(test[:taken]),
        labels=None if labels is None else labels[:taken],
        no_labels=reason,
        statement=f"images of {path.name}{arrays.remark}; {source}",
        provenance={"dataset": path.name},
    )


def _usable_labels(
    graph: Graph, labels: npt.NDArray[np.generic] | None, count: int, where: str
) -> tuple[npt.NDArray[np.int64] | None, str]:
    """Checked labels of a classifier; or None, and the reason in words.

    Raises:
        DataError: A label is no class of the network.
    """
    if graph.random_weights:
        return None, "the weights are random"
    if labels is None:
        return None, NO_LABELS
    classes = class_count(graph)
    if classes is None:
        return None, why_no_classes(graph)
    return checked_labels(labels, count, classes, where), ""


def _synthetic(graph: Graph, run: RunConfig, workload: Workload | None) -> Samples:
    shape = graph.shapes[graph.input][1:]
    generator = np.random.Generator(np.random.Philox(run.seed))
    drawn = generator.standard_normal(
        (SYNTHETIC_CALIBRATION + run.images, *shape), dtype=np.float32
    )
    reason = ""
    if workload is not None and not graph.random_weights:
        reason = f" (name a dataset with --dataset or {FOLDER_VARIABLE}: {workload.dataset})"
    return Samples(
        calibration=drawn[run.images :],
        images=drawn[: run.images],
        labels=None,
        statement=f"random numbers, not images{reason}",
        provenance={"dataset": f"normal distribution, seed {run.seed}"},
    )
