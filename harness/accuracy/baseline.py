"""The float network's answers, from which an accuracy drop is measured."""

from __future__ import annotations

import numpy as np
import torch

from harness.accuracy.accuracy_drop import BoolArray
from harness.accuracy.task import Labelled
from harness.data.chance import WRONG_INPUTS, at_chance
from harness.errors import DataError
from harness.model.classes import score_graph
from harness.model.graph import Graph
from harness.training.loop import torch_settings
from harness.training.module import GraphModule

_BATCH = 500


def float_correct(graph: Graph, data: Labelled, *, threads: int) -> BoolArray:
    """Which images of ``data`` ``graph`` classifies correctly, in float32."""
    correct = np.zeros(len(data), np.bool_)
    with torch_settings(threads), torch.inference_mode():
        module = GraphModule(score_graph(graph)).eval()
        for start in range(0, len(data), _BATCH):
            part = slice(start, start + _BATCH)
            logits = module(torch.from_numpy(data.images[part])).flatten(1)
            correct[part] = logits.argmax(dim=1).numpy() == data.labels[part]
    return correct


def check_baseline(correct: BoolArray, classes: int, where: str) -> None:
    """Refuse a float network that guesses: an accuracy bound would mean nothing.

    Raises:
        DataError: ``correct`` has no more images than guessing would.
    """
    right, images = int(correct.sum()), len(correct)
    if at_chance(right, images, classes):
        raise DataError(
            f"the float network classifies {right} of {images} images correctly "
            f"({100 * right / images:.2f} %), no better than guessing one of {classes} classes",
            where=where,
            hint=WRONG_INPUTS,
        )
