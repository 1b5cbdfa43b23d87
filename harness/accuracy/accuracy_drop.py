"""The accuracy drop of a mapping and its standard error.

The float network and the mapped one classify the same images, so the drop is a paired difference,
image by image.  It is uncertain because of the choice of images and of devices.  Both are random
and crossed (every set of devices sees every image), so with N images and R sets

    SE^2 = var_i(d_i) / N + max(0, var_r(a_r) / R - s_E^2 / (N R))

where d_i is image i's share of correct classifications less the float network's (0 or 1), and a_r
the accuracy of set r.  s_E^2 is the mean square of the residual that neither images nor devices
explain; both variances contain it, so one is subtracted.  Quantiles are Student's t, with
Satterthwaite's degrees of freedom.
"""

from __future__ import annotations

import math
from statistics import fmean
from typing import Annotated, Self, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, PositiveInt
from scipy.special import stdtrit

BoolArray: TypeAlias = npt.NDArray[np.bool_]
Share: TypeAlias = Annotated[float, Field(ge=0.0, le=1.0)]
Variance: TypeAlias = Annotated[float, Field(ge=0.0, le=2.0)]  # 2: for differences -1 and 1
Values: TypeAlias = tuple[Share, ...]  # accuracies, one per repetition


class Measured(BaseModel):
    """Accuracies of a network and its difference from the float network on the same images.

    Attributes:
        values: Share of images classified correctly, one per set of devices.
        images: Number of images.
        reference: The float network's accuracy, as a share.
        image_variance: Variance of the differences d_i; 0 for a single image.
        residual_variance: s_E^2 above; 0 for a single image or set.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    values: Annotated[Values, Field(min_length=1)]
    images: PositiveInt
    reference: Share
    image_variance: Variance
    residual_variance: Variance

    @classmethod
    def of(cls, correct: BoolArray, reference: BoolArray) -> Self:
        """From the images that are correct per device set [repetitions, n] and in float [n]."""
        sets, images = correct.shape
        values = tuple(float(one.mean()) for one in correct)
        hits = correct.sum(axis=0)
        image_variance = residual_variance = 0.0
        if images > 1:
            image_variance = float(np.var(hits / sets - reference, ddof=1))
        if images > 1 and sets > 1:
            within = float((hits * (sets - hits)).sum()) / sets
            between = images * sets * float(np.var(values))
            residual_variance = max(0.0, within - between) / ((images - 1) * (sets - 1))
        return cls(
            values=values,
            images=images,
            reference=float(reference.mean()),
            image_variance=image_variance,
            residual_variance=residual_variance,
        )

    @property
    def drop(self) -> float:
        """The float network's accuracy less the mean, as a share."""
        return self.reference - fmean(self.values)

    @property
    def standard_error(self) -> float:
        """Standard error of `drop`; with a single set of devices only the images' part."""
        return math.sqrt(self._of_images + self._of_devices)

    @property
    def degrees_of_freedom(self) -> float:
        """Satterthwaite's approximation for `standard_error`; infinite where the error is 0."""
        total = self._of_images + self._of_devices
        spread = self._of_images**2 / max(1, self.images - 1)
        spread += self._between**2 / max(1, len(self.values) - 1)
        return max(1.0, total**2 / spread) if spread > 0 else math.inf

    def margin(self, confidence: float) -> float:
        """How far the true drop may exceed `drop`, one-sided, with ``confidence``."""
        error = self.standard_error
        if confidence == 0.5 or error == 0.0:
            return 0.0
        return float(stdtrit(self.degrees_of_freedom, confidence)) * error

    @property
    def _of_images(self) -> float:
        return self.image_variance / self.images

    @property
    def _between(self) -> float:
        """Squared standard error of the mean over device sets, from their spread alone."""
        sets = len(self.values)
        return float(np.var(self.values, ddof=1)) / sets if sets > 1 else 0.0

    @property
    def _of_devices(self) -> float:
        shared = self.residual_variance / (self.images * len(self.values))
        return max(0.0, self._between - shared)


def holds(measured: Measured, drop_points: float, confidence: float | None) -> bool:
    """Whether the accuracy drop is at most ``drop_points`` percentage points.

    Args:
        confidence: The bound must hold with this one-sided confidence; None or 0.5: for the mean.
    """
    margin = 0.0 if confidence is None else measured.margin(confidence)
    return fmean(measured.values) - margin >= measured.reference - drop_points / 100
