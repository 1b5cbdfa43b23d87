"""Sliding windows over a network's maps, as packing wants them and as C initialises them."""

from __future__ import annotations

from harness.codegen.packing import Sliding
from harness.quant.program import Pair, QNetwork, QNode


def hwc(network: QNetwork, tensor: str) -> tuple[int, int, int]:
    """Height, width and channels of a tensor; a vector is a 1 x 1 map."""
    shape = network.tensors[tensor].shape
    return (shape[0], shape[1], shape[2]) if len(shape) == 3 else (1, 1, shape[0])


def node_sliding(
    network: QNetwork,
    node: QNode,
    kernel: Pair,
    stride: Pair,
    pads: tuple[int, ...],
    dilation: Pair = (1, 1),
) -> Sliding:
    """The window of ``node`` over its input; ``pads`` begins with top and left."""
    return Sliding(
        in_size=hwc(network, node.inputs[0])[:2],
        out_size=hwc(network, node.output)[:2],
        kernel=kernel,
        stride=stride,
        pad=(pads[0], pads[1]),
        dilation=dilation,
    )


def window_fields(sliding: Sliding) -> tuple[tuple[str, str], ...]:
    """Designated initialisers of a `struct aimc_window` named ``window``."""
    pairs = (
        (("in_h", "in_w"), sliding.in_size),
        (("out_h", "out_w"), sliding.out_size),
        (("kernel_h", "kernel_w"), sliding.kernel),
        (("stride_y", "stride_x"), sliding.stride),
        (("pad_top", "pad_left"), sliding.pad),
        (("dilation_y", "dilation_x"), sliding.dilation),
    )
    return tuple(
        (f"window.{field}", str(value))
        for fields, values in pairs
        for field, value in zip(fields, values, strict=True)
    )
