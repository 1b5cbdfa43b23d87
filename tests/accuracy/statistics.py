"""The stated tests by which samples of noise are compared."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

Samples = npt.NDArray[np.float64]

SIGNIFICANCE = 0.001  # of all comparisons of a test together (Bonferroni)


def p_value(first: Samples, second: Samples) -> float:
    """That two samples have one distribution: the least of three tests' p, times three.

    Two-sample Kolmogorov-Smirnov for the shape, Welch's t for the mean, Levene's test with
    the median (Brown-Forsythe) for the variance.
    """
    values = (
        stats.ks_2samp(first, second).pvalue,
        stats.ttest_ind(first, second, equal_var=False).pvalue,
        stats.levene(first, second, center="median").pvalue,
    )
    return min(1.0, 3 * float(min(values)))


def agree(first: Samples, second: Samples, *, comparisons: int = 1) -> bool:
    """Whether nothing contradicts one distribution, as one of ``comparisons``."""
    return p_value(first, second) * comparisons > SIGNIFICANCE
