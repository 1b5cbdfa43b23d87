"""The float network's accuracy: what a bound is measured from."""

from __future__ import annotations

import torch

from harness.accuracy.task import Labelled
from harness.model.graph import Graph
from harness.training.loop import torch_settings
from harness.training.module import GraphModule

_BATCH = 500


def float_accuracy(graph: Graph, data: Labelled, *, threads: int) -> float:
    """Share of ``data`` that ``graph`` classifies correctly, in float32."""
    correct = 0
    with torch_settings(threads), torch.inference_mode():
        module = GraphModule(graph).eval()
        labels = torch.from_numpy(data.labels)
        for start in range(0, len(data), _BATCH):
            part = slice(start, start + _BATCH)
            logits = module(torch.from_numpy(data.images[part])).flatten(1)
            correct += int((logits.argmax(dim=1) == labels[part]).sum())
    return correct / len(data)
