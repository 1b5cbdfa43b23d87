"""Which files beside an ONNX file hold its weights."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from onnx import ModelProto, TensorProto

from harness.errors import ModelError
from harness.model.onnx_file import parse_model
from harness.operators.onnx.tensors import inside_folder


def external_files(path: Path, data: bytes) -> tuple[Path, ...]:
    """The existing external data files of the model ``data``, read from ``path``, in order.

    What cannot be decoded or leaves the model's folder is left out: reading the network
    refuses it.
    """
    try:
        model = parse_model(data, str(path))
    except ModelError:
        return ()
    found: set[Path] = set()
    for tensor in _tensors(model):
        for entry in tensor.external_data:
            if entry.key != "location":
                continue
            try:
                file = inside_folder(path.parent, entry.value, str(path))
                if file.is_file():
                    found.add(file)
            except (ModelError, OSError):  # OSError: a name that is too long
                continue
    return tuple(sorted(found))


def has_external_data(model: ModelProto) -> bool:
    """Whether a constant of ``model`` is still in another file."""
    return any(tensor.data_location == TensorProto.EXTERNAL for tensor in _tensors(model))


def _tensors(model: ModelProto) -> Iterator[TensorProto]:
    """Every tensor that the reader takes constants from: it refuses nested graphs."""
    yield from model.graph.initializer
    for node in model.graph.node:
        for attribute in node.attribute:
            yield attribute.t
            yield from attribute.tensors
