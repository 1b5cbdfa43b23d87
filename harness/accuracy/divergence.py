"""The divergence of two networks' predictions.

Accuracy hardly distinguishes layers: with one layer analog, one image in a hundred changes its
class, for better or worse.  The divergence of the class probabilities is known to a tenth from a
thousand images and differs between layers by factors of up to a hundred.  Divergences of single
layers approximately add up (ZeroQ, arXiv 2001.00281, section 3, chooses layers' bits by them).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from harness.operators.tensor import FloatArray

Nats: TypeAlias = npt.NDArray[np.float64]


def divergence_nats(reference: FloatArray, other: FloatArray) -> Nats:
    """Kullback-Leibler divergence of the softmax of ``other`` from that of ``reference``.

    Args:
        reference: Logits [n, classes].
        other: Logits [..., n, classes].

    Returns:
        [..., n], at least 0.
    """
    expected, found = _log_softmax(reference), _log_softmax(other)
    nats: Nats = (np.exp(expected) * (expected - found)).sum(axis=-1)
    return np.maximum(0.0, nats)


def _log_softmax(logits: FloatArray) -> Nats:
    shifted: Nats = logits.astype(np.float64)
    shifted -= shifted.max(axis=-1, keepdims=True)
    normalised: Nats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return normalised
