"""What pools that slide a window have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from harness.errors import QuantError
from harness.operators.node import Node
from harness.operators.tensor import Axes, Pads, Pair, Shape
from harness.operators.window import Window, window_shape


@dataclass(frozen=True, eq=False)
class Pool(Node):
    """A pool whose window slides over height and width."""

    kernel: Pair
    stride: Pair
    pads: Pads = (0, 0, 0, 0)

    input_axes: ClassVar[tuple[Axes, ...]] = ("nchw",)
    fuses_clip: ClassVar[bool] = True
    keeps_non_negative: ClassVar[bool] = True

    @property
    def window(self) -> Window:
        """The sliding window."""
        return Window(self.kernel, self.stride, self.pads)

    def shape_rule(self, inputs: Sequence[Shape], declared: Shape | None) -> Shape:
        height, width = window_shape(self, inputs[0], self.window)
        if self._sees_padding_alone():
            raise self.misfit(
                [inputs[0]], f"pads {self.pads} must be smaller than the kernel {self.kernel}"
            )
        return (1, inputs[0][1], height, width)

    def window_attributes(self) -> dict[str, object]:
        """The window as ONNX's attributes."""
        return {
            "kernel_shape": list(self.kernel),
            "strides": list(self.stride),
            "pads": list(self.pads),
        }

    def is_identity(self, source: Shape, output: Shape) -> bool:
        return self.kernel == (1, 1) and self.stride == (1, 1) and not any(self.pads)

    def check_integer_form(self) -> None:
        if self._sees_padding_alone():
            raise QuantError(
                f"padding {self.pads} is not smaller than the window {self.kernel}",
                where=self.name,
            )

    def _sees_padding_alone(self) -> bool:
        """Whether a window can have no pixel of the map."""
        top, left, bottom, right = self.pads
        return max(top, bottom) >= self.kernel[0] or max(left, right) >= self.kernel[1]
