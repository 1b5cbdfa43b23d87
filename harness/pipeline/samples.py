"""What a run feeds the network: calibration samples and images, real where there are some."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from harness.config.schema import RunConfig
from harness.data.npz import read_npz_arrays
from harness.data.workloads import FOLDER_VARIABLE, Workload
from harness.errors import DataError
from harness.model.graph import Graph

FloatArray: TypeAlias = npt.NDArray[np.float32]

CALIBRATION_IMAGES: Final = 64
"""Enough for stable clipping thresholds; the thresholds of 32 and 64 samples hardly differ."""
SYNTHETIC_CALIBRATION: Final = 16


@dataclass(frozen=True, eq=False)
class Samples:
    """Inputs of one run.

    ``images`` are the simulated ones followed by further test images, up to the number
    asked for, that only the reference sees.  ``labels`` is None where no accuracy can be
    given; ``statement`` says in words what the inputs are.
    """

    calibration: FloatArray
    images: FloatArray
    labels: npt.NDArray[np.int64] | None
    statement: str
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
        return _own_arrays(graph, run, Path(run.dataset), reference_images)
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
    return workload.dataset == "digits" or _has_default(workload)


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
    """Images as the graph's input wants them; flattened for a vector input."""
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
    graph: Graph, run: RunConfig, workload: Workload, path: Path | None, count: int
) -> Samples:
    splits = workload.load_splits(path)
    _enough(len(splits.test), run, splits.source)
    taken = min(max(count, run.images), len(splits.test))
    trained = not graph.random_weights
    return Samples(
        calibration=_to_input(splits.calibration.images(0, CALIBRATION_IMAGES), graph),
        images=_to_input(splits.test.images(0, taken), graph),
        labels=splits.test.labels[:taken].astype(np.int64) if trained else None,
        statement=f"test images of {splits.dataset}",
        provenance={
            "dataset": splits.dataset,
            "dataset_sha256": splits.source_sha256,
            "calibration_split_sha256": splits.calibration.sha256(),
            "test_split_sha256": splits.test.sha256(),
        },
    )


def _own_arrays(graph: Graph, run: RunConfig, path: Path, count: int) -> Samples:
    """A user's npz: `images` float32 as the network takes them, `labels` if known."""
    arrays = read_npz_arrays(path)
    shape = graph.shapes[graph.input][1:]
    images = arrays.get("images")
    if images is None or images.dtype != np.float32 or images.shape[1:] != shape:
        found = "none" if images is None else f"{images.dtype} {list(images.shape)}"
        raise DataError(
            f"the array `images` must be float32 [n, {', '.join(map(str, shape))}]; found {found}",
            where=str(path),
            hint="store them preprocessed, as the network takes them",
        )
    if not np.isfinite(images).all():
        raise DataError("`images` has values that are not finite", where=str(path))
    labels = arrays.get("labels")
    if labels is not None and (
        labels.shape != (len(images),) or not np.issubdtype(labels.dtype, np.integer)
    ):
        raise DataError("the array `labels` must be integers [n]", where=str(path))
    held_out = min(CALIBRATION_IMAGES, len(images) // 2)
    if held_out == 0:
        raise DataError("at least 2 images are needed, one for calibration", where=str(path))
    test = images[: len(images) - held_out]
    _enough(len(test), run, str(path))
    taken = min(max(count, run.images), len(test))
    return Samples(
        calibration=np.ascontiguousarray(images[len(images) - held_out :]),
        images=np.ascontiguousarray(test[:taken]),
        labels=None if labels is None else labels[:taken].astype(np.int64),
        statement=f"images of {path.name}; its last {held_out} served calibration only",
        provenance={"dataset": path.name},
    )


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
