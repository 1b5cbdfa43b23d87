"""Sliding windows: their geometry, and the shape rule of operators that have one."""

from __future__ import annotations

from dataclasses import dataclass

from harness.operators.node import Node
from harness.operators.tensor import Pads, Pair, Shape
from harness.quantities import shape_text

MAX_WINDOW = 65_535
"""Largest stride, dilation, padding and kernel size."""


@dataclass(frozen=True)
class Window:
    """Geometry of a sliding window; ``pads`` is (top, left, bottom, right)."""

    kernel: Pair
    stride: Pair
    pads: Pads
    dilation: Pair = (1, 1)

    def output_size(self, height: int, width: int) -> Pair:
        """Rows and columns of output pixels over a (height, width) map.

        Raises:
            ValueError: The window is larger than the padded map.
        """
        sizes = []
        for axis, size in enumerate((height, width)):
            extent = (self.kernel[axis] - 1) * self.dilation[axis] + 1
            padded = size + self.pads[axis] + self.pads[axis + 2]
            if padded < extent:
                raise ValueError(f"window of {extent} over {padded} padded pixels")
            sizes.append((padded - extent) // self.stride[axis] + 1)
        return sizes[0], sizes[1]

    def strides(
        self, image: int, line: int, pixel: int, channel: int
    ) -> tuple[int, int, int, int, int, int]:
        """Of a view [n, oh, ow, kh, kw, c], from those of padded maps [n, h, w, c]."""
        return (
            image,
            line * self.stride[0],
            pixel * self.stride[1],
            line * self.dilation[0],
            pixel * self.dilation[1],
            channel,
        )


def window_output(
    size: int, kernel: int, stride: int, before: int, after: int, dilation: int
) -> int:
    """Output length of a sliding window along one axis; not positive if it does not fit."""
    return (size + before + after - dilation * (kernel - 1) - 1) // stride + 1


def window_shape(node: Node, x: Shape, window: Window) -> Pair:
    """Height and width that ``window`` gives over ``x`` [1, c, h, w].

    Raises:
        ModelError: The window is impossible, or it does not fit into the padded input.
    """
    kernel, stride, pads, dilation = window.kernel, window.stride, window.pads, window.dilation
    values = (*kernel, *stride, *dilation)
    if min(values) < 1 or min(pads) < 0 or max(*values, *pads) > MAX_WINDOW:
        raise node.misfit(
            [x],
            f"impossible window: kernel {kernel}, stride {stride}, pads {pads}, "
            f"dilation {dilation}",
        )
    height = window_output(x[2], kernel[0], stride[0], pads[0], pads[2], dilation[0])
    width = window_output(x[3], kernel[1], stride[1], pads[1], pads[3], dilation[1])
    if height < 1 or width < 1:
        raise node.misfit(
            [x], f"the {shape_text(kernel)} window does not fit into the padded input"
        )
    return (height, width)
