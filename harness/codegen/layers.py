"""From integer operators to C: one parameter struct and one call a layer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, TypeVar

import numpy as np

from harness.codegen import packing
from harness.codegen.analog import translate_analog
from harness.codegen.context import Context, Layer
from harness.codegen.windows import window_fields
from harness.errors import CodegenError
from harness.quant.program import (
    Int32Array,
    QAdd,
    QAvgPool,
    QClip,
    QConcat,
    QConv,
    QDense,
    QMaxPool,
    QNode,
    QReshape,
    QSoftmax,
)

_IDENTIFIER: Final = re.compile(r"[a-z][a-z0-9_]*")
_QNodeT = TypeVar("_QNodeT", bound=QNode)


def _conv(node: QConv, context: Context) -> Layer:
    out_channels, kernel_h, kernel_w, per_group = node.weight.shape
    in_channels = per_group * node.groups
    sliding = context.sliding(node, (kernel_h, kernel_w), node.stride, node.pads, node.dilation)
    depthwise = node.groups == in_channels == out_channels
    comment = (
        f"{kernel_h}x{kernel_w} convolution, {in_channels} to {out_channels} channels"
        f"{f', {node.groups} groups' if node.groups > 1 else ''}"
    )
    if depthwise and node.groups > 1:
        weight = packing.pack_depthwise_weight(node.weight, sliding, context.kernels)
        channels: tuple[tuple[str, str], ...] = (("channels", str(out_channels)),)
        struct, function = "aimc_depthwise", "aimc_depthwise"
        scratch = packing.depthwise_scratch_bytes(out_channels, sliding, context.kernels)
    else:
        weight = packing.pack_conv_weight(
            node.weight, node.groups, node.dilation[1], context.kernels
        )
        channels = (
            ("in_channels", str(in_channels)),
            ("out_channels", str(out_channels)),
            ("groups", str(node.groups)),
        )
        struct, function = "aimc_conv", "aimc_conv"
        scratch = packing.conv_scratch_bytes(
            node.weight.shape, node.groups, sliding, context.kernels
        )
    fields = (
        *window_fields(sliding),
        *channels,
        ("weight", context.pointer(weight.tobytes(), "int8_t")),
        ("bias", context.channels(node.bias, out_channels)),
        *context.requant(node.requant, out_channels),
    )
    call = context.call(function, node, scratch=True)
    return Layer(node.name, struct, fields, call, comment, scratch)


def _dense(node: QDense, context: Context) -> Layer:
    out_features, in_features = node.weight.shape
    weight = packing.pack_dense_weight(node.weight, context.kernels)
    fields = (
        ("in_features", str(in_features)),
        ("out_features", str(out_features)),
        ("weight", context.pointer(weight.tobytes(), "int8_t")),
        ("bias", context.channels(node.bias, out_features)),
        *context.requant(node.requant, out_features),
    )
    comment = f"dense, {in_features} to {out_features}"
    return Layer(node.name, "aimc_dense", fields, context.call("aimc_dense", node), comment)


def _maxpool(node: QMaxPool, context: Context) -> Layer:
    fields = (
        *window_fields(context.sliding(node, node.kernel, node.stride, node.pads)),
        ("channels", str(context.hwc(node.output)[2])),
        ("low", str(node.low)),
        ("high", str(node.high)),
    )
    comment = f"{node.kernel[0]}x{node.kernel[1]} maximum"
    return Layer(node.name, "aimc_maxpool", fields, context.call("aimc_maxpool", node), comment)


def _avgpool(node: QAvgPool, context: Context) -> Layer:
    def table(values: Int32Array) -> str:
        return context.pointer(values.astype("<i4").tobytes(), "int32_t")

    fields = (
        *window_fields(context.sliding(node, node.kernel, node.stride, node.pads)),
        ("channels", str(context.hwc(node.output)[2])),
        ("count_include_pad", str(int(node.count_include_pad))),
        ("multiplier", table(node.requant.multiplier)),
        ("shift", table(node.requant.shift)),
        ("low", str(node.requant.low)),
        ("high", str(node.requant.high)),
    )
    comment = f"{node.kernel[0]}x{node.kernel[1]} average"
    return Layer(node.name, "aimc_avgpool", fields, context.call("aimc_avgpool", node), comment)


def _add(node: QAdd, context: Context) -> Layer:
    fields = (
        ("count", str(int(np.prod(context.hwc(node.output))))),
        ("multiplier_a", str(node.multipliers[0])),
        ("multiplier_b", str(node.multipliers[1])),
        ("shift", str(node.shift)),
        ("low", str(node.low)),
        ("high", str(node.high)),
    )
    return Layer(node.name, "aimc_add", fields, context.call("aimc_add", node), "sum")


def _concat(node: QConcat, context: Context) -> Layer:
    height, width, channels = context.hwc(node.output)
    rows = []
    for name, requant in zip(node.inputs, node.requants, strict=True):
        count = context.hwc(name)[2]
        scaling = (
            f".multiplier = {int(requant.multiplier[0])}, .shift = {int(requant.shift[0])}, "
            f".low = {requant.low}, .high = {requant.high}"
            if requant is not None
            else ".multiplier = 0, .shift = 0, .low = -128, .high = 127"
        )
        rows.append(f"{{.channels = {count}, {scaling}}}")
    fields = (
        ("pixels", str(height * width)),
        ("inputs", str(len(rows))),
        ("input", f"{node.name}_inputs"),
    )
    inputs = ", ".join(context.buffers[name] for name in node.inputs)
    call = (
        f"aimc_concat(&{node.name}_layer, (const int8_t* const[]){{{inputs}}}, "
        f"{context.buffers[node.output]})"
    )
    comment = f"concatenation to {channels} channels"
    return Layer(node.name, "aimc_concat", fields, call, comment, concat_inputs=tuple(rows))


def _clip(node: QClip, context: Context) -> Layer:
    fields = (
        ("count", str(int(np.prod(context.hwc(node.output))))),
        ("low", str(node.low)),
        ("high", str(node.high)),
    )
    return Layer(node.name, "aimc_clip", fields, context.call("aimc_clip", node), "clamp")


def _reshape(node: QReshape, context: Context) -> Layer:
    in_h, in_w, in_c = context.hwc(node.inputs[0])
    out_h, out_w, out_c = context.hwc(node.output)
    fields = (
        ("in_pixels", str(in_h * in_w)),
        ("in_channels", str(in_c)),
        ("out_pixels", str(out_h * out_w)),
        ("out_channels", str(out_c)),
    )
    scratch = packing.reshape_scratch_bytes(in_h * in_w * in_c, context.kernels)
    call = context.call("aimc_reshape", node, scratch=True)
    return Layer(node.name, "aimc_reshape", fields, call, "reshape", scratch)


def _softmax(node: QSoftmax, context: Context) -> Layer:
    fields = (
        ("count", str(context.hwc(node.output)[2])),
        ("table", context.pointer(node.table.astype("<u2").tobytes(), "uint16_t")),
    )
    return Layer(node.name, "aimc_softmax", fields, context.call("aimc_softmax", node), "softmax")


_Translator: TypeAlias = Callable[[QNode, Context], Layer]


def _typed(
    node_type: type[_QNodeT], translate: Callable[[_QNodeT, Context], Layer]
) -> tuple[type[QNode], _Translator]:
    def checked(node: QNode, context: Context) -> Layer:
        assert isinstance(node, node_type)
        return translate(node, context)

    return node_type, checked


_TRANSLATORS: Final[Mapping[type[QNode], _Translator]] = dict(
    (
        _typed(QConv, _conv),
        _typed(QDense, _dense),
        _typed(QMaxPool, _maxpool),
        _typed(QAvgPool, _avgpool),
        _typed(QAdd, _add),
        _typed(QConcat, _concat),
        _typed(QClip, _clip),
        _typed(QReshape, _reshape),
        _typed(QSoftmax, _softmax),
    )
)


def check_name(node: QNode) -> None:
    """
    Raises:
        CodegenError: The name is no identifier.
    """
    if not _IDENTIFIER.fullmatch(node.name):
        raise CodegenError("the layer's name is not a C identifier", where=repr(node.name))


def translate(node: QNode, context: Context) -> Layer:
    """The C of one layer; its arrays go into ``context.blob``.

    Raises:
        CodegenError: The name is no identifier, or no kernel implements the operator.
    """
    check_name(node)
    analog = context.plan.analog.get(node.name)
    if analog is not None:
        if not isinstance(node, QConv | QDense):
            raise CodegenError(f"a {type(node).__name__} cannot be analog", where=node.name)
        return translate_analog(node, analog, context)
    if type(node) not in _TRANSLATORS:
        raise CodegenError(f"no kernel for a {type(node).__name__}", where=node.name)
    return _TRANSLATORS[type(node)](node, context)
