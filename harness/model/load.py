"""A network by built-in name or by the path of an ``.onnx`` file, ready for quantization."""

from __future__ import annotations

import difflib
import os
from pathlib import Path

from harness.errors import ModelError
from harness.model.fold import fold
from harness.model.graph import Graph
from harness.model.onnx_path import ONNX_SUFFIX, is_onnx_path, refused_checkpoint
from harness.model.onnx_reader import read_onnx
from harness.safe_text import shown


def load_model(
    name_or_path: str,
    *,
    input_size: int | None = None,
    checkpoint: Path | None = None,
    seed: int = 0,
) -> Graph:
    """The network, its batch normalisation folded, validated.

    Args:
        name_or_path: A built-in network's name, or a path that ends in ``.onnx``.
        input_size: Height and width of the input; None is the network's own.
        checkpoint: Trained weights of a built-in network; without one they are random and
            the graph says so (``random_weights``).
        seed: Of random weights.

    Raises:
        ModelError: There is no such network, or it cannot be read.
        DataError: The checkpoint is missing or does not fit the network.
    """
    if is_onnx_path(name_or_path):
        if reason := refused_checkpoint(name_or_path, checkpoint):
            raise ModelError(reason, where=shown(name_or_path), hint="leave the checkpoint out")
        return fold(read_onnx(Path(name_or_path), input_size=input_size))
    # Built-in networks are looked for only now: reading a file does not depend on them.
    from harness.model.builtin import NAMES, build
    from harness.model.checkpoint import load_checkpoint

    if name_or_path not in NAMES:
        raise _unknown(name_or_path, NAMES)
    graph = build(name_or_path, input_size, seed)
    return fold(graph if checkpoint is None else load_checkpoint(graph, checkpoint))


def _unknown(name: str, names: tuple[str, ...]) -> ModelError:
    valid = f"valid names: {', '.join(names)}; or the path of an {ONNX_SUFFIX} file"
    if os.sep in name or "." in name:
        return ModelError(f"not an {ONNX_SUFFIX} file", where=shown(name), hint=valid)
    close = difflib.get_close_matches(name.lower()[:64], names, n=1)
    guess = f"did you mean {close[0]}? " if close else ""
    return ModelError(f"there is no built-in network {shown(name)!r}", hint=guess + valid)
