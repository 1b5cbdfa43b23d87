"""A network as callers in Python have it: a name, a file, an ONNX model or a torch module."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from harness.budget import MODEL_FILE_BYTES
from harness.digest import sha256_of
from harness.errors import ModelError

if TYPE_CHECKING:
    import onnx
    import torch

    Network: TypeAlias = str | os.PathLike[str] | onnx.ModelProto | torch.nn.Module
    """A built-in network's name, the path of an .onnx file, or a network in memory."""

_DIGITS: Final = 12  # of the content's SHA-256, in a path
_KINDS: Final = "a built-in name, the path of an .onnx file, an onnx.ModelProto or a torch module"


@dataclass(frozen=True)
class NamedNetwork:
    """A network as a configuration names it.

    Attributes:
        name: A built-in name or the path of an .onnx file.
        content: What `store` puts there; None: the caller's own file or no file.
    """

    name: str
    content: bytes | None = None

    def store(self) -> None:
        """Write the file, if it is not there as it should be.

        Raises:
            HarnessError: It cannot be written.
        """
        if self.content is None:
            return
        from harness.atomic import atomic_write_bytes
        from harness.digest import sha256_file

        path = Path(self.name)
        try:
            stored = sha256_file(path)
        except OSError:
            stored = None
        if stored != sha256_of(self.content):
            atomic_write_bytes(path, self.content)


def name_network(model: Network, folder: Path, example_inputs: object = None) -> NamedNetwork:
    """The name of ``model``; a network in memory becomes a file of ``folder`` by its content.

    Args:
        example_inputs: Of a torch module: one tensor [1, ...], or a tuple of it.

    Raises:
        ModelError: It is no network, or cannot become a file.
    """
    module = _as_module(model)
    if module is not None:
        from aimc.torch_export import export_module

        content = export_module(module, example_inputs)
        return _in_folder(content, getattr(module, "original_name", type(module).__name__), folder)
    if example_inputs is not None:
        raise ModelError("example_inputs= is for a torch module", hint="leave it out")
    if isinstance(model, str | os.PathLike):
        return NamedNetwork(os.fspath(model))
    proto = _as_proto(model)
    if proto is None:
        raise ModelError(f"{type(model).__name__} is no network", hint=f"give {_KINDS}")
    return _in_folder(_serialised(proto), proto.graph.name, folder)


def _in_folder(content: bytes, title: str, folder: Path) -> NamedNetwork:
    """``<folder>/<digits of the content's checksum>/<title>.onnx``.

    The checksum stands apart, so that a mapping file still fits when weights have changed.
    """
    from harness.identifiers import sanitise
    from harness.model.onnx_path import ONNX_SUFFIX

    if len(content) > MODEL_FILE_BYTES:
        raise too_large(len(content), title)
    digits = sha256_of(content)[:_DIGITS]
    return NamedNetwork(
        str(folder / digits / f"{sanitise(title, 'network')}{ONNX_SUFFIX}"), content
    )


def too_large(size: int | None, title: str) -> ModelError:
    """The refusal of a network of ``size`` bytes; None: of more than protobuf can hold."""
    from harness.safe_text import shown

    found = "more than 2 GiB" if size is None else f"{size / 2**30:.1f} GiB"
    return ModelError(
        f"the network takes {found} as an ONNX file, "
        f"the largest that is read has {MODEL_FILE_BYTES / 2**30:g} GiB",
        where=shown(title),
    )


def _as_module(model: object) -> torch.nn.Module | None:
    """``model`` if it is a torch module; torch is loaded then."""
    torch = sys.modules.get("torch")
    return model if torch is not None and isinstance(model, torch.nn.Module) else None


def _as_proto(model: object) -> onnx.ModelProto | None:
    """``model`` if it is an ONNX model; onnx is loaded then."""
    onnx = sys.modules.get("onnx")
    return model if onnx is not None and isinstance(model, onnx.ModelProto) else None


def _serialised(proto: onnx.ModelProto) -> bytes:
    from google.protobuf.message import EncodeError  # type: ignore[import-untyped]

    from harness.model.onnx_external import has_external_data

    if not proto.graph.node:
        raise ModelError("it holds no network", where="onnx.ModelProto")
    if has_external_data(proto):
        raise ModelError(
            "some of its weights are in files beside the one that it was loaded from",
            where="onnx.ModelProto",
            hint="give the path of its .onnx file, or load it with its external data",
        )
    try:
        return bytes(proto.SerializeToString(deterministic=True))
    except (ValueError, EncodeError) as error:
        if proto.ByteSize() > MODEL_FILE_BYTES:
            raise too_large(None, proto.graph.name) from error
        raise ModelError(f"protobuf cannot write it: {error}", where="onnx.ModelProto") from error
