"""A torch module as an ONNX file, by torch's own exporter."""

from __future__ import annotations

import contextlib
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch

from aimc.networks import too_large
from harness.budget import MODEL_FILE_BYTES
from harness.errors import ModelError

_EXAMPLE = "for instance example_inputs=torch.zeros(1, 3, 32, 32)"


def export_module(module: torch.nn.Module, example_inputs: object) -> bytes:
    """``module`` in evaluation mode as an ONNX file; the module stays as it is.

    Args:
        example_inputs: One tensor [1, ...] of the network's input shape, or a tuple of it.

    Raises:
        ModelError: It has no or several inputs, is too large, or torch cannot export it.
    """
    title = type(module).__name__
    image = _only_input(example_inputs, title)
    tensors = (*module.parameters(), *module.buffers())
    if any(torch.nn.parameter.is_lazy(tensor) for tensor in tensors):
        raise ModelError(
            "the module has parameters without a shape",
            where=title,
            hint="call it once with an input, which gives them their shapes",
        )
    size = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    if size > MODEL_FILE_BYTES:
        raise too_large(size, title)
    try:
        with tempfile.TemporaryDirectory() as folder, _evaluating(module):
            file = Path(folder) / "module.onnx"
            _export(module, image, file)
            return file.read_bytes()
    except (RuntimeError, TypeError, ValueError) as error:
        raise ModelError(
            f"torch cannot export the module: {_first_line(error)}",
            where=title,
            hint="export it yourself and give the path of the .onnx file",
        ) from error


def _export(module: torch.nn.Module, image: torch.Tensor, file: Path) -> None:
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of the exporter about itself
        torch.onnx.export(
            module,
            (image,),
            file,
            dynamo=False,  # the newer exporter needs the package onnxscript
            input_names=["input"],
            output_names=["output"],
        )


def _only_input(example_inputs: object, title: str) -> torch.Tensor:
    if example_inputs is None:
        raise ModelError("a torch module needs example_inputs=", where=title, hint=_EXAMPLE)
    given = example_inputs if isinstance(example_inputs, tuple | list) else (example_inputs,)
    if len(given) != 1:
        raise ModelError(
            f"example_inputs has {len(given)} inputs, a network has one",
            where=title,
            hint="only networks of one input, an image or a vector, can be simulated",
        )
    image = given[0]
    if not isinstance(image, torch.Tensor) or not image.is_floating_point():
        raise ModelError(
            "example_inputs is no tensor of floating-point numbers", where=title, hint=_EXAMPLE
        )
    if image.ndim < 2 or image.shape[0] != 1:
        raise ModelError(
            f"example_inputs has the shape {tuple(image.shape)}, not one image [1, ...]",
            where=title,
            hint=_EXAMPLE,
        )
    return image


@contextlib.contextmanager
def _evaluating(module: torch.nn.Module) -> Iterator[None]:
    """Evaluation mode for the `with` block; afterwards every part has its previous mode."""
    modes = {part: part.training for part in module.modules()}
    try:
        module.eval()
        yield
    finally:
        for part, training in modes.items():
            part.training = training


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
