"""How a command tells the path of an ONNX file from the name of a built-in network."""

from __future__ import annotations

from typing import Final

ONNX_SUFFIX: Final = ".onnx"


def is_onnx_path(name_or_path: str) -> bool:
    """Whether a model is named by the path of an ``.onnx`` file, in capitals or not."""
    return name_or_path.lower().endswith(ONNX_SUFFIX)
