"""Trained weights in safetensors files: one tensor for each array field of each node.

The key of a tensor is ``<node>.<field>`` (fields: weight, bias, scale, offset, mean,
variance), its type float16 or float32.  A matrix may also be int8 with a float32
``<node>.<field>.step`` for each output channel: a weight is its integer times the step.
What the weights were trained on stands in the file's header as strings.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from harness.atomic import atomic_write_bytes
from harness.budget import CHECKPOINT_HEADER_BYTES, PARAMETER_BYTES
from harness.errors import DataError
from harness.model.graph import Graph
from harness.operators.node import Node
from harness.operators.tensor import FloatArray
from harness.reading import check_safetensors, read_regular

_FIELDS = ("weight", "bias", "scale", "offset", "mean", "variance")
_LISTED = 8  # names in a message
_STEP = ".step"
_LARGEST_STEP = 127
_LARGEST_FLOAT = float(np.finfo(np.float32).max)

Dtype: TypeAlias = Literal["int8", "float16", "float32"]
Tensors: TypeAlias = dict[str, npt.NDArray[np.generic]]


def _arrays(node: Node) -> dict[str, FloatArray]:
    return {field: getattr(node, field) for field in _FIELDS if hasattr(node, field)}


def save_checkpoint(
    graph: Graph,
    path: Path,
    *,
    metadata: Mapping[str, str] | None = None,
    dtype: Dtype = "float32",
) -> None:
    """Write `checkpoint_bytes` of ``graph`` to ``path``, atomically.

    Raises:
        DataError: A weight is not finite in ``dtype``.
        HarnessError: The file cannot be written.
    """
    data = checkpoint_bytes(graph, str(path), metadata=metadata, dtype=dtype)
    atomic_write_bytes(path, data)


def checkpoint_bytes(
    graph: Graph,
    where: str,
    *,
    metadata: Mapping[str, str] | None = None,
    dtype: Dtype = "float32",
) -> bytes:
    """The content of a checkpoint file of ``graph``; an error names ``where``.

    Args:
        metadata: Goes into the header beside ``model`` (the graph's name).
        dtype: float16 halves the file; values beyond its range are an error.  int8 rounds
            matrices to 127 steps of each output channel's largest weight, and leaves
            vectors in float32.

    Raises:
        DataError: A weight is not finite in ``dtype``.
    """
    tensors = _encode(graph, dtype, where)
    header = {"format": "aimc-harness", **(metadata or {}), "model": graph.name}
    return _sorted_metadata(save(tensors, metadata=header))


def load_checkpoint(graph: Graph, path: Path) -> Graph:
    """``graph`` with the weights of the checkpoint ``path``; ``random_weights`` is cleared.

    Raises:
        DataError: The file is missing or malformed, or its tensors are not exactly those
            of the graph (missing, extra, other shape or type, not finite).
    """
    tensors = _load(path, _largest_file(graph))
    problems = _problems(graph, tensors)
    if problems:
        shown = "; ".join(problems[:_LISTED])
        more = f"; and {len(problems) - _LISTED} more" if len(problems) > _LISTED else ""
        raise DataError(
            f"the checkpoint does not fit the network {graph.name}: {shown}{more}",
            where=str(path),
            hint="give the checkpoint of this network and input size",
        )
    return _decode(graph, tensors)


def as_stored(graph: Graph, dtype: Dtype) -> Graph:
    """What `load_checkpoint` would return after `save_checkpoint` in ``dtype``.

    Raises:
        DataError: A weight is not finite in ``dtype``.
    """
    return _decode(graph, _encode(graph, dtype, graph.name))


def _encode(graph: Graph, dtype: Dtype, where: str) -> Tensors:
    tensors: Tensors = {}
    for node in graph.nodes:
        for field, values in _arrays(node).items():
            key = f"{node.name}.{field}"
            with np.errstate(over="ignore"):
                tensor = values.astype("float32" if dtype == "int8" else dtype)
            if not np.isfinite(tensor).all():
                raise DataError(
                    f"{key} has values that are not finite in {dtype}",
                    where=where,
                    hint="training diverged; lower the learning rate",
                )
            if dtype == "int8" and values.ndim > 1:
                tensors[key], tensors[key + _STEP] = _to_steps(values)
            else:
                tensors[key] = np.ascontiguousarray(tensor)
    return tensors


def _decode(graph: Graph, tensors: Tensors) -> Graph:
    nodes = []
    for node in graph.nodes:
        arrays = {field: _from_steps(tensors, f"{node.name}.{field}") for field in _arrays(node)}
        nodes.append(dataclasses.replace(node, **arrays))  # type: ignore[arg-type]
    return dataclasses.replace(graph, nodes=tuple(nodes), random_weights=False)


def _problems(graph: Graph, tensors: Tensors) -> list[str]:
    """Every way in which ``tensors`` are not those of ``graph``."""
    expected = {
        f"{node.name}.{field}": values.shape
        for node in graph.nodes
        for field, values in _arrays(node).items()
    }
    steps = {key + _STEP: key for key in expected if _is_int8_matrix(tensors.get(key))}
    missing = (expected.keys() | steps.keys()) - tensors.keys()
    surplus = tensors.keys() - expected.keys() - steps.keys()
    problems = [f"missing: {_names(missing)}"] if missing else []
    problems += [f"not in the network: {_names(surplus)}"] if surplus else []
    for key in sorted(expected.keys() & tensors.keys()):
        tensor = tensors[key]
        if tensor.shape != expected[key]:
            problems.append(f"{key} is {list(tensor.shape)}, not {list(expected[key])}")
        elif tensor.dtype not in (np.float16, np.float32) and not _is_int8_matrix(tensor):
            problems.append(f"{key} is {tensor.dtype}, not float16, float32 or an int8 matrix")
        elif not np.isfinite(tensor).all():
            problems.append(f"{key} has values that are not finite")
    for key in sorted(steps.keys() & tensors.keys()):
        tensor, channels = tensors[key], expected[steps[key]][:1]
        if tensor.shape != channels or tensor.dtype != np.float32:
            problems.append(
                f"{key} is {tensor.dtype} {list(tensor.shape)}, not float32 {list(channels)}"
            )
        elif not (np.abs(tensor) <= _LARGEST_FLOAT / _LARGEST_STEP).all():
            problems.append(f"{key} has values that are not finite")
    return problems


def _is_int8_matrix(tensor: npt.NDArray[np.generic] | None) -> bool:
    return tensor is not None and tensor.dtype == np.int8 and tensor.ndim > 1


def _to_steps(values: FloatArray) -> tuple[npt.NDArray[np.int8], FloatArray]:
    """Integers of the shape of ``values``, and the step of each output channel (axis 0)."""
    rows = values.reshape(len(values), -1)
    step = np.abs(rows).max(axis=1, initial=0).astype(np.float32) / np.float32(_LARGEST_STEP)
    scaled = np.rint(rows / np.where(step > 0, step, 1)[:, None])
    clipped = np.clip(scaled, -_LARGEST_STEP, _LARGEST_STEP).astype(np.int8)
    return np.ascontiguousarray(clipped.reshape(values.shape)), step


def _from_steps(tensors: Tensors, key: str) -> FloatArray:
    values: FloatArray = tensors[key].astype(np.float32, copy=False)
    if tensors[key].dtype == np.int8:
        step = tensors[key + _STEP].astype(np.float32)
        values *= step.reshape(-1, *[1] * (values.ndim - 1))
    return values


def checkpoint_metadata(path: Path) -> dict[str, str]:
    """The strings in the header of a checkpoint (model, dataset, accuracy, command...).

    Raises:
        DataError: The file is missing or not a safetensors file.
    """
    return _metadata(_read(path, PARAMETER_BYTES), path)


def _sorted_metadata(data: bytes) -> bytes:
    """The same file with its strings in order: safetensors writes them in any."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def _names(keys: set[str]) -> str:
    listed = sorted(keys)
    more = f" and {len(listed) - _LISTED} more" if len(listed) > _LISTED else ""
    return ", ".join(listed[:_LISTED]) + more


def _largest_file(graph: Graph) -> int:
    """Bytes of a checkpoint of ``graph`` in float32, with its list of tensors."""
    weights = sum(values.nbytes for node in graph.nodes for values in _arrays(node).values())
    return min(weights, PARAMETER_BYTES) + CHECKPOINT_HEADER_BYTES


def _read(path: Path, largest_bytes: int) -> bytes:
    try:
        check_safetensors(path)
        return read_regular(path, largest_bytes)
    except OSError as error:
        raise DataError(
            f"cannot read the checkpoint: {error.strerror}",
            where=str(path),
            hint="check the path; `aimc train NETWORK` makes a checkpoint",
        ) from error


def _malformed(path: Path, reason: str) -> DataError:
    return DataError(
        f"not a readable safetensors file: {reason}",
        where=str(path),
        hint="it may be truncated; make or fetch it again",
    )


def _load(path: Path, largest_bytes: int) -> Tensors:
    try:
        # Tensors of types that numpy lacks (bfloat16, float8) come back as a KeyError.
        return dict(load(_read(path, largest_bytes)))
    except (SafetensorError, KeyError, ValueError, TypeError) as error:
        raise _malformed(path, str(error)) from error


def _metadata(data: bytes, path: Path) -> dict[str, str]:
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or length > len(data) - 8:
        raise _malformed(path, "the header is truncated")
    try:
        header = json.loads(data[8 : 8 + length])
    except (ValueError, RecursionError) as error:
        raise _malformed(path, "the header is not JSON") from error
    metadata = header.get("__metadata__", {}) if isinstance(header, dict) else None
    if not isinstance(metadata, dict):
        raise _malformed(path, "the header is not an object")
    return {str(key): str(value) for key, value in metadata.items()}
