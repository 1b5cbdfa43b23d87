"""How a command tells the path of an ONNX file from the name of a built-in network."""

from __future__ import annotations

from typing import Final

ONNX_SUFFIX: Final = ".onnx"


def is_onnx_path(name_or_path: str) -> bool:
    """Whether a model is named by the path of an ``.onnx`` file, in capitals or not."""
    return name_or_path.lower().endswith(ONNX_SUFFIX)


def refused_checkpoint(model: str, checkpoint: object) -> str | None:
    """Why ``checkpoint`` cannot go with ``model``; None if it can, or if it is None."""
    if checkpoint is None or not is_onnx_path(model):
        return None
    return "a checkpoint is for built-in networks; an .onnx file brings its own weights"
