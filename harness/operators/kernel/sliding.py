"""A sliding window with the maps on both sides of it, as kernels take it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.operators.tensor import Pair


@dataclass(frozen=True)
class Sliding:
    """A sliding window and the maps on both sides of it; `aimc_window` of aimc_window.h."""

    in_size: tuple[int, int]
    out_size: tuple[int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    pad: tuple[int, int]  # top and left
    dilation: tuple[int, int]

    def pairs(self) -> tuple[Pair, Pair, Pair, Pair, Pair, Pair]:
        """All fields in order, as `harness._headers` takes them."""
        return (self.in_size, self.out_size, self.kernel, self.stride, self.pad, self.dilation)

    def fields(self) -> tuple[tuple[str, str], ...]:
        """Designated initializers of a `struct aimc_window` named ``window``."""
        pairs = (
            (("in_h", "in_w"), self.in_size),
            (("out_h", "out_w"), self.out_size),
            (("kernel_h", "kernel_w"), self.kernel),
            (("stride_y", "stride_x"), self.stride),
            (("pad_top", "pad_left"), self.pad),
            (("dilation_y", "dilation_x"), self.dilation),
        )
        return tuple(
            (f"window.{field}", str(value))
            for fields, values in pairs
            for field, value in zip(fields, values, strict=True)
        )
