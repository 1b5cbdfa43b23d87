"""The test whether an accuracy is so low that labels or images must be wrong."""

from __future__ import annotations

import math
from typing import Final

WRONG_INPUTS: Final = (
    "check that the network is a classifier, that labels count its classes from 0 in the order of "
    "its outputs, and that images are preprocessed as in training"
)
_DEVIATIONS: Final = 2.0


def at_chance(correct: int, images: int, classes: int) -> bool:
    """Whether ``correct`` of ``images`` is no more than guessing one of ``classes`` gives.

    Guessing varies: up to two standard deviations above its mean are no better.  Of few images that
    would be nearly all, so that a quarter of the way from guessing to all correct is the limit.
    """
    share = 1 / classes
    deviation = math.sqrt(share * (1 - share) / images)
    return correct <= images * (share + min(_DEVIATIONS * deviation, (1 - share) / 4))
