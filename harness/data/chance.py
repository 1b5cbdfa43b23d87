"""When an accuracy says that labels or images are wrong."""

from __future__ import annotations

import math
from typing import Final

WRONG_INPUTS: Final = (
    "check that the network is a classifier, that labels count its classes from 0 in the order of "
    "its outputs, and that images are preprocessed as in training"
)
_DEVIATIONS: Final = 2.0


def at_chance(correct: int, images: int, classes: int) -> bool:
    """Whether ``correct`` of ``images`` is what guessing one of ``classes`` gives, or less.

    Guessing varies: up to two standard deviations above its mean are no better.
    """
    share = 1 / classes
    deviation = math.sqrt(images * share * (1 - share))
    return correct <= images * share + _DEVIATIONS * deviation
