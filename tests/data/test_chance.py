"""Which accuracies guessing explains."""

from __future__ import annotations

import numpy as np
import pytest

from harness.data.chance import at_chance


@pytest.mark.parametrize(
    ("correct", "images", "classes", "guessed"),
    [
        (0, 1, 10, True),
        (1, 1, 10, False),
        (100, 1000, 10, True),
        (118, 1000, 10, True),  # sqrt(1000 x 0.1 x 0.9) = 9.49
        (119, 1000, 10, False),
        (1, 76, 300, True),
        (2, 76, 300, False),
        (4, 533, 10, True),
        (53, 100, 2, True),
        (61, 100, 2, False),
        (2, 4, 2, True),
        (3, 4, 2, False),
        (1, 2, 10, False),
    ],
)
def test_at_chance(correct: int, images: int, classes: int, guessed: bool) -> None:
    assert at_chance(correct, images, classes) == guessed


def test_shuffled_labels_are_found() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 500)
    hits = [int((rng.permutation(labels) == labels).sum()) for _ in range(400)]
    assert np.mean([at_chance(hit, 500, 10) for hit in hits]) > 0.95
