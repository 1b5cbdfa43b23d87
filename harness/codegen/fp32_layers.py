"""The fp32 baseline's layers in C: the integer network's structure with its float weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Final

import numpy as np
import numpy.typing as npt

from harness.codegen import packing
from harness.codegen.blob import Blob
from harness.codegen.context import Layer
from harness.codegen.layers import check_name
from harness.codegen.windows import hwc, node_sliding, window_fields
from harness.errors import CodegenError
from harness.placement.memory import SLACK
from harness.quant.program import (
    FloatArray,
    QAdd,
    QAvgPool,
    QClip,
    QConcat,
    QConv,
    QDense,
    QMaxPool,
    QNetwork,
    QNode,
)

FLOAT_BYTES: Final = 4
_CHANNEL_PAD: Final = 16  # floats that may be read beyond a per-channel array
_WEIGHT_PAD: Final = 64  # floats that may be read beyond packed weights

Fields = tuple[tuple[str, str], ...]


def pack_channels_fp32(values: FloatArray) -> FloatArray:
    """A bias per channel."""
    return np.concatenate([values, np.zeros(_CHANNEL_PAD, np.float32)]).astype("<f4")


def pack_conv_weight_fp32(weight: FloatArray, groups: int, dilation_x: int) -> FloatArray:
    """[out, kh, kw, in / groups] to [group, out / 8, tap, depth, out % 8], outputs padded.

    Taps and depth are those of `packing.conv_segments`.
    """
    out_channels = weight.shape[0]
    segments = packing.conv_segments(weight, groups, dilation_x)
    _, taps, depth = segments.shape
    per_group = out_channels // groups
    panels = -(-per_group // packing.PANEL)
    padded = np.zeros((groups, panels * packing.PANEL, taps, depth), dtype="<f4")
    padded[:, :per_group] = segments.reshape(groups, per_group, taps, depth)
    ordered = padded.reshape(groups, panels, packing.PANEL, taps, depth).transpose(0, 1, 3, 4, 2)
    return _with_slack(ordered)


def pack_depthwise_weight_fp32(weight: FloatArray) -> FloatArray:
    """[channels, kh, kw, 1] to [tap, channels], channels padded to a multiple of 4."""
    channels = weight.shape[0]
    taps = weight.reshape(channels, -1)
    padded = np.zeros((taps.shape[1], -(-channels // 4) * 4), dtype="<f4")
    padded[:, :channels] = taps.T
    return _with_slack(padded)


def _with_slack(packed: npt.NDArray[np.float32]) -> FloatArray:
    return np.concatenate([packed.reshape(-1), np.zeros(_WEIGHT_PAD, "<f4")])


@dataclass(frozen=True)
class Fp32Context:
    """What a layer's translation needs; ``bounds`` has every layer's fused clamp."""

    network: QNetwork
    bounds: Mapping[str, tuple[float, float]]
    blob: Blob
    buffers: Mapping[str, str]  # tensor name -> C expression

    def floats(self, values: FloatArray) -> str:
        return f"WEIGHTS(float, {self.blob.add(values.tobytes()):#x})"

    def clamp(self, node: QNode) -> Fields:
        low, high = self.bounds[node.name]
        return (("low", _float(low)), ("high", _float(high)))

    def layer(
        self, node: QNode, operator: str, fields: Fields, comment: str, scratch: int | None = None
    ) -> Layer:
        arguments = [f"&{node.name}_layer", *(self.buffers[name] for name in node.inputs)]
        arguments.append(self.buffers[node.output])
        if scratch is not None:
            arguments.append("scratch")
        struct = "aimc_pool_fp32" if "pool" in operator else f"{operator}_fp32"
        call = f"{operator}_fp32({', '.join(arguments)})"
        return Layer(node.name, struct, (*fields, *self.clamp(node)), call, comment, scratch or 0)


def _float(value: float) -> str:
    if math.isinf(value):
        return "__builtin_inff()" if value > 0 else "-__builtin_inff()"
    return f"{float(np.float32(value)).hex()}f"


def _conv(node: QConv, context: Fp32Context) -> Layer:
    out_channels, kernel_h, kernel_w, per_group = node.weight_float.shape
    in_channels = per_group * node.groups
    sliding = node_sliding(
        context.network, node, (kernel_h, kernel_w), node.stride, node.pads, node.dilation
    )
    bias = ("bias", context.floats(pack_channels_fp32(node.bias_float)))
    comment = f"{kernel_h}x{kernel_w} convolution, {in_channels} to {out_channels} channels"
    if node.groups == in_channels == out_channels and node.groups > 1:
        weight = pack_depthwise_weight_fp32(node.weight_float)
        fields: Fields = (("channels", str(out_channels)),)
        operator = "aimc_depthwise"
        scratch = packing.band_bytes(sliding, in_channels * FLOAT_BYTES) + SLACK
    else:
        weight = pack_conv_weight_fp32(node.weight_float, node.groups, node.dilation[1])
        fields = (
            ("in_channels", str(in_channels)),
            ("out_channels", str(out_channels)),
            ("groups", str(node.groups)),
        )
        operator = "aimc_conv"
        scratch = packing.convolve_scratch_bytes(in_channels * FLOAT_BYTES, sliding, node.groups)
    fields = (*window_fields(sliding), *fields, ("weight", context.floats(weight)), bias)
    return context.layer(node, operator, fields, comment, scratch)


def _dense(node: QDense, context: Fp32Context) -> Layer:
    out_features, in_features = node.weight_float.shape
    weight = node.weight_float.reshape(out_features, 1, 1, in_features)
    fields = (
        ("in_features", str(in_features)),
        ("out_features", str(out_features)),
        ("weight", context.floats(pack_conv_weight_fp32(weight, 1, 1))),
        ("bias", context.floats(pack_channels_fp32(node.bias_float))),
    )
    return context.layer(node, "aimc_dense", fields, f"dense, {in_features} to {out_features}")


def _pool(node: QMaxPool | QAvgPool, context: Fp32Context) -> Layer:
    sliding = node_sliding(context.network, node, node.kernel, node.stride, node.pads)
    include_pad = isinstance(node, QAvgPool) and node.count_include_pad
    fields = (
        *window_fields(sliding),
        ("channels", str(hwc(context.network, node.output)[2])),
        ("count_include_pad", str(int(include_pad))),
    )
    operator = "aimc_maxpool" if isinstance(node, QMaxPool) else "aimc_avgpool"
    return context.layer(node, operator, fields, f"{node.kernel[0]}x{node.kernel[1]} pooling")


def _elementwise(node: QAdd | QClip, context: Fp32Context) -> Layer:
    count = prod(hwc(context.network, node.output))
    operator = "aimc_add" if isinstance(node, QAdd) else "aimc_clip"
    return context.layer(node, operator, (("count", str(count)),), "elementwise")


def _concat(node: QConcat, context: Fp32Context) -> Layer:
    height, width, _ = hwc(context.network, node.output)
    channels = np.array([hwc(context.network, name)[2] for name in node.inputs], "<i4")
    fields = (
        ("pixels", str(height * width)),
        ("inputs", str(len(node.inputs))),
        ("channels", f"WEIGHTS(int32_t, {context.blob.add(channels.tobytes()):#x})"),
    )
    inputs = ", ".join(context.buffers[name] for name in node.inputs)
    call = (
        f"aimc_concat_fp32(&{node.name}_layer, (const float* const[]){{{inputs}}}, "
        f"{context.buffers[node.output]})"
    )
    return Layer(node.name, "aimc_concat_fp32", fields, call, "concatenation")


def translate_fp32(node: QNode, context: Fp32Context) -> Layer:
    """The C of one layer; its arrays go into ``context.blob``.

    Raises:
        CodegenError: The name is no identifier, or no fp32 kernel implements the operator.
    """
    check_name(node)
    match node:
        case QConv():
            return _conv(node, context)
        case QDense():
            return _dense(node, context)
        case QMaxPool() | QAvgPool():
            return _pool(node, context)
        case QAdd() | QClip():
            return _elementwise(node, context)
        case QConcat():
            return _concat(node, context)
        case _:
            raise CodegenError(f"no fp32 kernel for a {type(node).__name__}", where=node.name)
