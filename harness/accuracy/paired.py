"""What a mapping costs in accuracy, and how well that is known.

The float network and the mapped one classify the same images, so their difference is taken image
by image.  Two things make it uncertain: which images were chosen, and which devices.  Both are
random and crossed (every set of devices sees every image), so with N images and R sets

    SE^2 = var_i(d_i) / N + max(0, var_r(a_r) / R - s_E^2 / (N R))

where d_i is image i's share of correct classifications less the float network's (0 or 1), a_r the
accuracy of set r, and s_E^2 the mean square of what neither explains: both variances contain it,
and it is counted once.  Quantiles are Student's t, degrees of freedom Satterthwaite's.
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
Variance: TypeAlias = Annotated[float, Field(ge=0.0, le=2.0)]  # 2: of differences -1 and 1
Values: TypeAlias = tuple[Share, ...]  # accuracies, one a repetition


class Measured(BaseModel):
    """Accuracies of a network and its difference from the float network on the same images.

    Attributes:
        values: Share of images classified correctly, one a set of devices.
        images: Their number.
        reference: The float network's share.
        image_variance: Of the images' differences d_i; 0 of a single image.
        residual_variance: s_E^2 above; 0 of a single image or set.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    values: Annotated[Values, Field(min_length=1)]
    images: PositiveInt
    reference: Share
    image_variance: Variance
    residual_variance: Variance

    @classmethod
    def of(cls, correct: BoolArray, reference: BoolArray) -> Self:
        """From what each set of devices [repetitions, n] and the float network [n] got right."""
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
    def lost(self) -> float:
        """The float network's accuracy less the mean, as a share."""
        return self.reference - fmean(self.values)

    @property
    def standard_error(self) -> float:
        """Of `lost`; of a single set of devices only what the images make uncertain."""
        return math.sqrt(self._of_images + self._of_devices)

    @property
    def degrees_of_freedom(self) -> float:
        """Satterthwaite's approximation for `standard_error`; infinite where that is 0."""
        total = self._of_images + self._of_devices
        spread = self._of_images**2 / max(1, self.images - 1)
        spread += self._between**2 / max(1, len(self.values) - 1)
        return max(1.0, total**2 / spread) if spread > 0 else math.inf

    def margin(self, confidence: float) -> float:
        """How far `lost` may lie above what was measured, one-sided, with ``confidence``."""
        error = self.standard_error
        if confidence == 0.5 or error == 0.0:
            return 0.0
        return float(stdtrit(self.degrees_of_freedom, confidence)) * error

    @property
    def _of_images(self) -> float:
        return self.image_variance / self.images

    @property
    def _between(self) -> float:
        """Squared error of the mean over sets of devices, as their spread alone gives it."""
        sets = len(self.values)
        return float(np.var(self.values, ddof=1)) / sets if sets > 1 else 0.0

    @property
    def _of_devices(self) -> float:
        shared = self.residual_variance / (self.images * len(self.values))
        return max(0.0, self._between - shared)


def holds(measured: Measured, drop_points: float, confidence: float | None) -> bool:
    """Whether no more than ``drop_points`` percentage points are lost.

    Args:
        confidence: One-sided, of the bound that must hold; None or 0.5: the mean must.
    """
    margin = 0.0 if confidence is None else measured.margin(confidence)
    return fmean(measured.values) - margin >= measured.reference - drop_points / 100
