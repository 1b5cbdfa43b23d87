"""The built-in networks, with random weights until a checkpoint is loaded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.errors import ModelError
from harness.model.builtin import alexnet, lenet, mlp, resnet, vgg
from harness.model.graph import Graph


@dataclass(frozen=True)
class _Network:
    build: Callable[[int, int], Graph]
    sizes: tuple[int, ...]  # valid input sizes, the default first


_NETWORKS = {
    "lenet5": _Network(lenet.build, lenet.SIZES),
    "mlp": _Network(mlp.build, mlp.SIZES),
    "resnet20": _Network(resnet.build, resnet.SIZES),
    "vgg16": _Network(vgg.build, vgg.SIZES),
    "alexnet": _Network(alexnet.build, alexnet.SIZES),
}

NAMES: tuple[str, ...] = tuple(_NETWORKS)


def input_sizes(name: str) -> tuple[int, ...]:
    """Heights (= widths) of input that the network ``name`` exists for, the default first.

    Raises:
        ModelError: There is no such network.
    """
    return _network(name).sizes


def build(name: str, input_size: int | None = None, seed: int = 0) -> Graph:
    """The built-in network ``name`` with He-initialised weights (``random_weights`` is set).

    Args:
        name: One of `NAMES`.
        input_size: Height and width of the input; None is the network's default.
        seed: Of the random weights.

    Raises:
        ModelError: No such network, or it does not exist for that input size.
    """
    return _network(name).build(chosen_size(name, input_size), seed)


def chosen_size(name: str, input_size: int | None) -> int:
    """The input size that ``input_size`` means for the network ``name``; None: its default.

    Raises:
        ModelError: No such network, or it does not exist for that input size.
    """
    sizes = input_sizes(name)
    size = sizes[0] if input_size is None else input_size
    if size not in sizes:
        raise ModelError(
            f"there is no variant for inputs of {size}x{size}",
            where=name,
            hint="valid input sizes: " + ", ".join(map(str, sizes)),
        )
    return size


def _network(name: str) -> _Network:
    try:
        return _NETWORKS[name]
    except KeyError:
        raise ModelError(
            f"there is no built-in network {name!r}",
            hint="valid names: " + ", ".join(NAMES) + "; or the path of an .onnx file",
        ) from None
