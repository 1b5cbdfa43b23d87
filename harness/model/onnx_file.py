"""An ``.onnx`` file as a checked `onnx.ModelProto`: nothing that a hostile file can abuse.

What passes here has one graph without functions, names that are text, a known opset, and sizes
within the budget.  Tensors are decoded later (`onnx_tensors`).
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from harness.budget import MODEL_FILE_BYTES, NODES
from harness.errors import ModelError
from harness.model.onnx_wire import MalformedError, check_structure
from harness.operators.onnx.node import MIN_OPSET
from harness.reading import read_regular
from harness.safe_text import shown

"""Older ones are read where their operators are those of this one (`onnx_node`)."""
MAX_OPSET: int = onnx.defs.onnx_opset_version()
DEFAULT_DOMAINS = ("", "ai.onnx")

_LFS_MARK = b"version https://git-lfs"
_EXPORT_HINT = "export the network again, or fetch the file again"


@dataclass(frozen=True, eq=False)
class OnnxFile:
    """A parsed file: its path, its graph and the version of the operator set."""

    path: Path
    model: onnx.ModelProto
    opset: int
    size_bytes: int

    @property
    def graph(self) -> onnx.GraphProto:
        return self.model.graph


def open_onnx(path: Path) -> OnnxFile:
    """Read and parse ``path``.

    Raises:
        ModelError: The file is missing, too large, no ONNX model, or uses what is refused
            (functions, sparse weights, an unsupported opset).
    """
    data = _read(path)
    model = parse_model(data, str(path))
    if not model.HasField("graph") or not model.graph.node:
        raise ModelError("the file holds no network", where=str(path), hint=_EXPORT_HINT)
    _check_size(model.graph, path)
    _check_text(model, path)
    _check_structure(model, path)
    return OnnxFile(path, model, _opset(model, path), len(data))


def parse_model(data: bytes, where: str) -> onnx.ModelProto:
    """``data`` as a message, nothing of it checked.

    Raises:
        ModelError: It is no ONNX model, or would take more memory than the budget has.
    """
    try:
        check_structure(data, where)
        model = onnx.ModelProto()
        model.ParseFromString(data)
        return model
    except (DecodeError, MalformedError) as error:
        raise ModelError(
            "not an ONNX model, or truncated", where=where, hint=_EXPORT_HINT
        ) from error


def _read(path: Path) -> bytes:
    try:
        data = read_regular(path, MODEL_FILE_BYTES)
    except OSError as error:
        hint = "check the path"
        if error.errno == errno.EFBIG:
            hint = "keep the weights in external data files beside the model"
        raise ModelError(
            f"cannot read the model: {error.strerror}", where=shown(path), hint=hint
        ) from error
    if not data:
        raise ModelError("the file is empty", where=str(path), hint=_EXPORT_HINT)
    if data.startswith(_LFS_MARK):
        raise ModelError(
            "a Git LFS pointer, not the model itself", where=str(path), hint="run `git lfs pull`"
        )
    return data


def _check_size(graph: onnx.GraphProto, path: Path) -> None:
    counts = {
        "nodes": len(graph.node),
        "initializers": len(graph.initializer),
        "inputs": len(graph.input),
        "outputs": len(graph.output),
    }
    for what, count in counts.items():
        if count > NODES:
            raise ModelError(
                f"{count} {what} are more than {NODES}",
                where=str(path),
                hint="simplify the network: this many cannot be simulated in reasonable time",
            )
    if sum(len(node.input) + len(node.output) for node in graph.node) > 8 * NODES:
        raise ModelError(f"nodes have more than {8 * NODES} edges", where=str(path))


def _strings(model: onnx.ModelProto) -> Iterator[object]:
    graph = model.graph
    for node in graph.node:
        yield from (node.name, node.op_type, node.domain, *node.input, *node.output)
        yield from (attribute.name for attribute in node.attribute)
    for value in (*graph.input, *graph.output):
        yield value.name
        for dim in value.type.tensor_type.shape.dim:
            yield dim.dim_param
    yield from (tensor.name for tensor in graph.initializer)
    yield from (operators.domain for operators in model.opset_import)
    for entry in model.metadata_props:
        yield from (entry.key, entry.value)


def _check_text(model: onnx.ModelProto, path: Path) -> None:
    # protobuf hands out bytes where a string field does not hold UTF-8.
    for text in _strings(model):
        if not isinstance(text, str):
            raise ModelError(
                "a name is not UTF-8 text", where=f"{path}: {shown(text)}", hint=_EXPORT_HINT
            )


def _check_structure(model: onnx.ModelProto, path: Path) -> None:
    graph = model.graph
    if model.functions:
        raise ModelError(
            "the model defines functions of its own",
            where=str(path),
            hint="inline them: onnx.inliner.inline_local_functions(model)",
        )
    if graph.sparse_initializer:
        raise ModelError("sparse initializers are not supported", where=str(path))
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.ref_attr_name:
                raise ModelError(
                    "an attribute refers to a function's attribute outside of a function",
                    where=f"{path}: {shown(node.name)} ({shown(node.op_type)})",
                )
    _check_unique((tensor.name for tensor in graph.initializer), "initializers", path)
    _check_unique((value.name for value in graph.input), "inputs", path)
    _check_unique((value.name for value in graph.output), "outputs", path)


def _check_unique(names: Iterable[str], what: str, path: Path) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen or not name:
            kind = f"two {what} have one name" if name else f"one of the {what} has no name"
            raise ModelError(kind, where=f"{path}: {shown(name)}", hint=_EXPORT_HINT)
        seen.add(name)


def _opset(model: onnx.ModelProto, path: Path) -> int:
    versions = {
        operators.version for operators in model.opset_import if operators.domain in DEFAULT_DOMAINS
    }
    if len(versions) != 1:
        what = "more than one version" if versions else "no version"
        raise ModelError(
            f"the model names {what} of the ONNX operator set", where=str(path), hint=_EXPORT_HINT
        )
    version = int(versions.pop())
    if not 1 <= version <= MAX_OPSET:
        raise ModelError(
            f"operator set {version} is not supported",
            where=str(path),
            hint=f"export with an opset from {MIN_OPSET} to {MAX_OPSET}",
        )
    return version
