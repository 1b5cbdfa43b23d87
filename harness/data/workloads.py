"""The data of a built-in network: dataset, splits, recipe and shipped checkpoint.

Each is declared in ``workloads/<network>.yaml``.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from harness.config.yaml_reader import read_yaml
from harness.data.detect import open_dataset
from harness.data.digits import BUNDLED, open_digits
from harness.data.images import Dataset, checked_labels
from harness.data.splits import DatasetSplits, Normalisation, split_dataset
from harness.errors import DataError
from harness.resources import resource

FOLDER_VARIABLE = "AIMC_DATA"  # names the folder with datasets, where the user names none

_Count = Annotated[int, Field(ge=1)]
_Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ImageSpec(_Section):
    """How a pixel becomes the network's input: ``(pixel / 255 - mean) / deviation``."""

    channels: Literal[1, 3]
    height: _Count
    width: _Count
    mean: tuple[float, ...]
    deviation: tuple[Annotated[float, Field(gt=0.0)], ...]

    @model_validator(mode="after")
    def _one_value_a_channel(self) -> ImageSpec:
        if not len(self.mean) == len(self.deviation) == self.channels:
            raise ValueError("mean and deviation need one value for each channel")
        return self


class SplitSpec(_Section):
    """Numbers of images set aside; what remains is for training.

    ``test`` null: the dataset's own test split.
    """

    seed: Annotated[int, Field(ge=0)]
    validation: _Count
    calibration: _Count
    test: _Count | None


class Recipe(_Section):
    """How the network is trained: SGD with Nesterov momentum, warm-up, then cosine to 0."""

    epochs: _Count
    batch_size: _Count
    learning_rate: Annotated[float, Field(gt=0.0)]  # peak
    warmup_epochs: Annotated[float, Field(ge=0.0)]
    momentum: Annotated[float, Field(ge=0.0, lt=1.0)]
    weight_decay: Annotated[float, Field(ge=0.0)]  # of weights; not of biases, scales, offsets
    label_smoothing: Annotated[float, Field(ge=0.0, lt=1.0)]
    shift_pixels: Annotated[int, Field(ge=0)]  # random crop of the image padded by as much
    flip: bool  # random left-right mirroring
    precision: Literal["float32", "bfloat16"]  # of activations and their gradients
    patience_epochs: Annotated[int, Field(ge=0)]  # without a better validation; 0: no early stop
    seed: Annotated[int, Field(ge=0)]


class Results(_Section):
    """The accuracy of the shipped checkpoint, in float32."""

    best_epoch: _Count
    validation_accuracy: _Fraction
    test_accuracy: _Fraction


class Workload(_Section):
    """The content of ``workloads/<network>.yaml``."""

    network: str
    description: str
    classes: _Count
    dataset: str  # what the checkpoint is trained on
    also_accepts: tuple[str, ...] = ()  # datasets of the same classes and image size
    images: ImageSpec
    splits: SplitSpec
    recipe: Recipe
    simulated_images: _Count = 1  # simulated where the user does not say how many
    command: str  # how the shipped checkpoint was made
    checkpoint: str | None = None  # relative to workloads/; null: none is shipped
    log: str | None = None
    results: Results | None = None

    def checkpoint_path(self) -> Path | None:
        """The shipped checkpoint, or None: then weights are random.

        Raises:
            HarnessError: A checkpoint is declared but not installed.
        """
        return None if self.checkpoint is None else resource(f"workloads/{self.checkpoint}")

    def open_dataset(self, path: Path | None = None) -> Dataset:
        """The dataset at ``path``, else in the folder that AIMC_DATA names.

        scikit-learn's digits need neither.

        Raises:
            DataError: There is no dataset, or none that fits this network.
        """
        accepted = (self.dataset, *self.also_accepts)
        if path is None and BUNDLED in accepted:
            return open_digits()
        folder = path or _default_folder()
        if folder is None:
            raise DataError(
                f"no dataset is named; {self.network} takes {' or '.join(accepted)}",
                hint=f"name its folder or file, or set {FOLDER_VARIABLE} to the folder",
            )
        dataset = open_dataset(folder, accepted)
        self._check(dataset)
        return dataset

    def _check(self, dataset: Dataset) -> None:
        channels, classes = dataset.train.store.image_shape[0], len(dataset.class_names)
        if channels != self.images.channels:
            raise DataError(
                f"images have {channels} channels, {self.network} takes {self.images.channels}",
                where=dataset.source,
            )
        for name, part in (("training", dataset.train), ("test", dataset.test)):
            if part is not None:
                where = f"{dataset.source}: {name} labels"
                checked_labels(part.labels, len(part), self.classes, where)
        if classes > self.classes:
            raise DataError(
                f"the dataset has {classes} classes, {self.network} tells {self.classes} apart",
                where=dataset.source,
            )

    def load_splits(self, path: Path | None = None) -> DatasetSplits:
        """The dataset (see `open_dataset`) divided into its four disjoint splits."""
        return split_dataset(
            self.open_dataset(path),
            seed=self.splits.seed,
            validation=self.splits.validation,
            calibration=self.splits.calibration,
            test=self.splits.test,
            normalisation=Normalisation(self.images.mean, self.images.deviation),
            size=(self.images.height, self.images.width),
        )


def workload_for(name: str) -> Workload | None:
    """The workload of the built-in network ``name``; None if it has none.

    Raises:
        DataError: The file is malformed.
        ConfigError: The file is not YAML.
    """
    folder = resource("workloads")
    if name not in {path.stem for path in folder.glob("*.yaml")}:
        return None
    path = folder / f"{name}.yaml"
    try:
        workload = Workload.model_validate(read_yaml(path))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
        )
        raise DataError(f"the workload is invalid: {problems}", where=str(path)) from error
    if workload.network != name:
        raise DataError(f"the workload is for {workload.network!r}", where=str(path))
    return workload


def workload_of_images(shape: tuple[int, ...]) -> Workload | None:
    """A workload whose images have the ``shape`` [c, h, w], or as many values as [features].

    Workloads of one dataset and size preprocess it alike, so the first will do.
    """
    for path in sorted(resource("workloads").glob("*.yaml")):
        workload = workload_for(path.stem)
        assert workload is not None
        images = workload.images
        size = (images.channels, images.height, images.width)
        if shape in (size, (math.prod(size),)):
            return workload
    return None


def _default_folder() -> Path | None:
    value = os.environ.get(FOLDER_VARIABLE, "")
    return Path(value) if value else None
