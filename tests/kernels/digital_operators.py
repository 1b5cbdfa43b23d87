"""Calls the digital operators; shapes are those of numpy's side."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from harness.codegen import packing
from harness.codegen.packing import Kernels
from harness.operators.add import QAdd
from harness.operators.integer_node import Requant
from harness.operators.kernel.sliding import Sliding
from harness.operators.tensor import Int8Array
from harness.operators.window import Window
from tests.kernels.board import Board


def sliding(window: ctypes.Structure) -> Sliding:
    """A struct aimc_window as the packing functions want it."""
    return Sliding(
        in_size=(window.in_h, window.in_w),
        out_size=(window.out_h, window.out_w),
        kernel=(window.kernel_h, window.kernel_w),
        stride=(window.stride_y, window.stride_x),
        pad=(window.pad_top, window.pad_left),
        dilation=(window.dilation_y, window.dilation_x),
    )


class DigitalOperators(Board):
    """Each method runs one operator and returns its output."""

    def window(self, window: Window, inputs: Int8Array) -> ctypes.Structure:
        """``window`` over a map [h, w, c]."""
        in_h, in_w = inputs.shape[:2]
        out_h, out_w = window.output_size(in_h, in_w)
        return self.structs["aimc_window"](
            in_h=in_h,
            in_w=in_w,
            out_h=out_h,
            out_w=out_w,
            kernel_h=window.kernel[0],
            kernel_w=window.kernel[1],
            stride_y=window.stride[0],
            stride_x=window.stride[1],
            pad_top=window.pads[0],
            pad_left=window.pads[1],
            dilation_y=window.dilation[0],
            dilation_x=window.dilation[1],
        )

    def channels(self, values: npt.NDArray[np.int32], count: int) -> int:
        """Places a value per channel."""
        return self.constant(packing.pack_channels(values, count))

    def requant(self, requant: Requant, channels: int) -> ctypes.Structure:
        return self.structs["aimc_requant"](
            multiplier=self.channels(requant.multiplier, channels),
            shift=self.channels(requant.shift, channels),
            low=requant.low,
            high=requant.high,
        )

    def conv(
        self,
        kernels: Kernels,
        inputs: Int8Array,
        weight: Int8Array,
        bias: npt.NDArray[np.int32],
        requant: Requant,
        window: Window,
        groups: int,
    ) -> Int8Array:
        """(h, w, in) to (oh, ow, out)."""
        out_channels = weight.shape[0]
        geometry = self.window(window, inputs)
        packed = packing.pack_conv_weight(weight, groups, window.dilation[1], kernels)
        op = self.structs["aimc_conv"](
            window=geometry,
            in_channels=inputs.shape[2],
            out_channels=out_channels,
            groups=groups,
            weight=self.constant(packed),
            bias=self.channels(bias, out_channels),
            requant=self.requant(requant, out_channels),
        )
        scratch = packing.conv_scratch_bytes(weight.shape, groups, sliding(geometry), kernels)
        shape = (geometry.out_h, geometry.out_w, out_channels)
        return self.call("conv", kernels, op, [inputs], shape, scratch_bytes=scratch)

    def depthwise(
        self,
        kernels: Kernels,
        inputs: Int8Array,
        weight: Int8Array,
        bias: npt.NDArray[np.int32],
        requant: Requant,
        window: Window,
    ) -> Int8Array:
        """(h, w, c) to (oh, ow, c)."""
        channels = inputs.shape[2]
        geometry = self.window(window, inputs)
        packed = packing.pack_depthwise_weight(weight, sliding(geometry), kernels)
        op = self.structs["aimc_depthwise"](
            window=geometry,
            channels=channels,
            weight=self.constant(packed),
            bias=self.channels(bias, channels),
            requant=self.requant(requant, channels),
        )
        scratch = packing.depthwise_scratch_bytes(channels, sliding(geometry), kernels)
        shape = (geometry.out_h, geometry.out_w, channels)
        return self.call("depthwise", kernels, op, [inputs], shape, scratch_bytes=scratch)

    def dense(
        self,
        kernels: Kernels,
        inputs: Int8Array,
        weight: Int8Array,
        bias: npt.NDArray[np.int32],
        requant: Requant,
    ) -> Int8Array:
        """(in,) to (out,)."""
        out_features, in_features = weight.shape
        op = self.structs["aimc_dense"](
            in_features=in_features,
            out_features=out_features,
            weight=self.constant(packing.pack_dense_weight(weight, kernels)),
            bias=self.channels(bias, out_features),
            requant=self.requant(requant, out_features),
        )
        return self.call("dense", kernels, op, [inputs], (out_features,))

    def maxpool(
        self, kernels: Kernels, inputs: Int8Array, window: Window, low: int, high: int
    ) -> Int8Array:
        """(h, w, c) to (oh, ow, c)."""
        channels = inputs.shape[2]
        geometry = self.window(window, inputs)
        op = self.structs["aimc_maxpool"](window=geometry, channels=channels, low=low, high=high)
        shape = (geometry.out_h, geometry.out_w, channels)
        return self.call("maxpool", kernels, op, [inputs], shape)

    def avgpool(
        self,
        kernels: Kernels,
        inputs: Int8Array,
        window: Window,
        count_include_pad: bool,
        requant: Requant,
    ) -> Int8Array:
        """(h, w, c) to (oh, ow, c)."""
        channels = inputs.shape[2]
        geometry = self.window(window, inputs)
        op = self.structs["aimc_avgpool"](
            window=geometry,
            channels=channels,
            count_include_pad=count_include_pad,
            multiplier=self.constant(requant.multiplier),
            shift=self.constant(requant.shift),
            low=requant.low,
            high=requant.high,
        )
        shape = (geometry.out_h, geometry.out_w, channels)
        return self.call("avgpool", kernels, op, [inputs], shape)

    def add(self, kernels: Kernels, a: Int8Array, b: Int8Array, node: QAdd) -> Int8Array:
        op = self.structs["aimc_add"](
            count=a.size,
            multiplier_a=node.multipliers[0],
            multiplier_b=node.multipliers[1],
            shift=node.shift,
            low=node.low,
            high=node.high,
        )
        return self.call("add", kernels, op, [a, b], a.shape)

    def _concat_input(self, part: Int8Array, requant: Requant | None) -> ctypes.Structure:
        row = self.structs["aimc_concat_input"](channels=part.shape[-1])
        if requant is not None:
            row.multiplier, row.shift = int(requant.multiplier[0]), int(requant.shift[0])
            row.low, row.high = requant.low, requant.high
        return row

    def concat(
        self, kernels: Kernels, parts: Sequence[Int8Array], requants: Sequence[Requant | None]
    ) -> Int8Array:
        """Along the last axis; a part without requantization is copied as it is."""
        rows = [self._concat_input(part, r) for part, r in zip(parts, requants, strict=True)]
        op = self.structs["aimc_concat"](
            pixels=parts[0].size // parts[0].shape[-1],
            inputs=len(parts),
            input=self.constants(rows),
        )
        shape = (*parts[0].shape[:-1], sum(part.shape[-1] for part in parts))
        return self.call("concat", kernels, op, parts, shape)

    def clip(self, kernels: Kernels, inputs: Int8Array, low: int, high: int) -> Int8Array:
        op = self.structs["aimc_clip"](count=inputs.size, low=low, high=high)
        return self.call("clip", kernels, op, [inputs], inputs.shape)

    def lookup(self, kernels: Kernels, inputs: Int8Array, table: Int8Array) -> Int8Array:
        op = self.structs["aimc_lookup"](count=inputs.size, table=self.constant(table))
        return self.call("lookup", kernels, op, [inputs], inputs.shape)

    def reshape(self, kernels: Kernels, inputs: Int8Array, shape: tuple[int, ...]) -> Int8Array:
        op = self.structs["aimc_reshape"](
            in_pixels=inputs.size // inputs.shape[-1],
            in_channels=inputs.shape[-1],
            out_pixels=inputs.size // shape[-1],
            out_channels=shape[-1],
        )
        scratch = packing.reshape_scratch_bytes(inputs.size, kernels)
        return self.call("reshape", kernels, op, [inputs], shape, scratch_bytes=scratch)

    def softmax(
        self, kernels: Kernels, inputs: Int8Array, table: npt.NDArray[np.uint16]
    ) -> Int8Array:
        op = self.structs["aimc_softmax"](count=inputs.size, table=self.constant(table))
        return self.call("softmax", kernels, op, [inputs], inputs.shape)
