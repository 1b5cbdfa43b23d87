"""Kernel, stride, padding and dilation of ONNX's windowed operators, made explicit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.operators.onnx.value import Activation, Padded, Unsupported
from harness.operators.tensor import Pads, Pair, Shape
from harness.operators.window import MAX_WINDOW

if TYPE_CHECKING:
    from harness.operators.onnx.node import OnnxNode


@dataclass(frozen=True)
class OnnxWindow:
    """A window with all padding spelled out.

    ``overhang`` is the part of ``pads`` at bottom and right that only ``ceil_mode`` asked
    for: places that a window reaches but that are not padding.
    """

    kernel: Pair
    stride: Pair
    pads: Pads
    dilation: Pair
    overhang: Pair = (0, 0)


def read_window(node: OnnxNode, kernel: tuple[int, ...] | None, shape: Shape) -> OnnxWindow:
    """The window of ``node`` on an input [1, c, h, w].

    Args:
        kernel: The kernel that the weights have; None to read ``kernel_shape``.

    Raises:
        Unsupported: Attributes that are impossible, or not for two dimensions.
    """
    named = node.integers("kernel_shape")
    if kernel is None:
        kernel = named
    if kernel is None:
        raise Unsupported("attribute kernel_shape is missing")
    if named is not None and named != kernel:
        raise Unsupported(f"kernel_shape {list(named)} differs from the weights' {list(kernel)}")
    size = _pair(kernel, "kernel_shape", 1)
    stride = _pair(node.integers("strides") or (1, 1), "strides", 1)
    dilation = _pair(node.integers("dilations") or (1, 1), "dilations", 1)
    reach = (dilation[0] * (size[0] - 1) + 1, dilation[1] * (size[1] - 1) + 1)
    given = node.integers("pads")
    mode = node.text("auto_pad", "NOTSET")
    if mode == "NOTSET":
        pads = _pads(given or (0, 0, 0, 0))
        if not node.integer("ceil_mode", 0):
            return OnnxWindow(size, stride, pads, dilation)
        over = tuple(
            _overhang(shape[2 + axis], reach[axis], stride[axis], pads[axis], pads[2 + axis])
            for axis in (0, 1)
        )
        padded = (pads[0], pads[1], pads[2] + over[0], pads[3] + over[1])
        return OnnxWindow(size, stride, padded, dilation, (over[0], over[1]))
    if given is not None and any(given):
        raise Unsupported(f"both pads and auto_pad {mode} are given")
    if mode == "VALID":
        return OnnxWindow(size, stride, (0, 0, 0, 0), dilation)
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise Unsupported(f"auto_pad {mode} is not known")
    (top, bottom), (left, right) = (
        _same(shape[2 + axis], reach[axis], stride[axis], upper=mode == "SAME_UPPER")
        for axis in (0, 1)
    )
    return OnnxWindow(size, stride, (top, left, bottom, right), dilation)


def read_pool_window(node: OnnxNode, source: Activation, border: Pads) -> OnnxWindow:
    """The window of a pooling of ``source``, with a ``border`` around it.

    Raises:
        Unsupported: As `read_window`, or it is dilated.
    """
    n, c, h, w = source.shape
    top, left, bottom, right = border
    window = read_window(node, None, (n, c, h + top + bottom, w + left + right))
    if window.dilation != (1, 1):
        raise Unsupported(f"dilations {list(window.dilation)} are not supported in pooling")
    return window


def sum_of_pads(a: Pads, b: Pads) -> Pads:
    """Both borders around each other."""
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3])


def unpadded(node: OnnxNode) -> tuple[Activation, Pads, float]:
    """Input 0, and the border (with its value) that a Pad before the node puts around it.

    Raises:
        Unsupported: The input is a constant, or not [1, c, h, w].
    """
    value = node.value(0)
    if isinstance(value, Padded):
        return value.source, value.pads, value.value
    return node.activation(0), (0, 0, 0, 0), 0.0


def require_2d(rank: int, what: str) -> None:
    """Raises Unsupported unless ``rank`` is that of an image [N, C, H, W]."""
    if rank != 4:
        raise Unsupported(
            f"{rank - 2}-D {what} is not supported, only 2-D" if rank > 2 else "needs [N, C, H, W]"
        )


def _pair(values: tuple[int, ...], what: str, low: int) -> Pair:
    if len(values) != 2:
        raise Unsupported(f"{what} {list(values)} is not for two dimensions")
    if not all(low <= value <= MAX_WINDOW for value in values):
        raise Unsupported(f"{what} {list(values)} is out of range")
    return (values[0], values[1])


def _pads(values: tuple[int, ...]) -> Pads:
    if len(values) != 4:
        raise Unsupported(f"pads {list(values)} are not for two dimensions")
    if not all(0 <= value <= MAX_WINDOW for value in values):
        raise Unsupported(f"pads {list(values)} are negative or out of range")
    return (values[0], values[1], values[2], values[3])


def _same(size: int, reach: int, stride: int, *, upper: bool) -> Pair:
    total = (-(-size // stride) - 1) * stride + reach - size
    if total < -1 and upper:
        # onnxruntime skips values at the front then, onnx's reference and TensorFlow do not.
        raise Unsupported(
            f"auto_pad SAME_UPPER with stride {stride} and a window of {reach} on {size} values: "
            "runtimes disagree on where it starts, give pads instead"
        )
    total = max(total, 0)
    small = total // 2
    return (small, total - small) if upper else (total - small, small)


def _overhang(size: int, reach: int, stride: int, before: int, after: int) -> int:
    """How far the windows of ``ceil_mode`` reach over the padding's end.

    The last window counts only if it starts within the input or the padding before it.
    """
    span = size + before + after - reach
    if span < 0:
        return 0
    steps = -(-span // stride)
    if steps * stride >= size + before:
        steps -= 1
    return max(steps * stride - span, 0)
