"""The parameter structs of kernels/include/aimc_ops.h as ctypes."""

from __future__ import annotations

import ctypes

from harness.operators.window import Window

_int32 = ctypes.c_int32
_pointer = ctypes.c_uint64


class BlockStruct(ctypes.LittleEndianStructure):
    _fields_ = (
        ("tile", _int32),
        ("k0", _int32),
        ("rows", _int32),
        ("n0", _int32),
        ("columns", _int32),
        ("image", _pointer),
    )


class RangeStruct(ctypes.LittleEndianStructure):
    _fields_ = tuple(
        (name, _int32) for name in ["first", "blocks", "n0", "columns", "codes", "step"]
    )


class WindowStruct(ctypes.LittleEndianStructure):
    _fields_ = (
        ("in_h", _int32),
        ("in_w", _int32),
        ("out_h", _int32),
        ("out_w", _int32),
        ("kernel_h", _int32),
        ("kernel_w", _int32),
        ("stride_y", _int32),
        ("stride_x", _int32),
        ("pad_top", _int32),
        ("pad_left", _int32),
        ("dilation_y", _int32),
        ("dilation_x", _int32),
    )


class RequantStruct(ctypes.LittleEndianStructure):
    _fields_ = (("multiplier", _pointer), ("shift", _pointer), ("low", _int32), ("high", _int32))


class ConvStruct(ctypes.LittleEndianStructure):
    _fields_ = (
        ("window", WindowStruct),
        ("in_channels", _int32),
        ("out_channels", _int32),
        ("groups", _int32),
        ("weight", _pointer),
        ("bias", _pointer),
        ("requant", RequantStruct),
    )


class DepthwiseStruct(ctypes.LittleEndianStructure):
    _fields_ = (
        ("window", WindowStruct),
        ("channels", _int32),
        ("weight", _pointer),
        ("bias", _pointer),
        ("requant", RequantStruct),
    )


class DenseStruct(ctypes.LittleEndianStructure):
    _fields_ = (
        ("in_features", _int32),
        ("out_features", _int32),
        ("weight", _pointer),
        ("bias", _pointer),
        ("requant", RequantStruct),
    )


class MaxpoolStruct(ctypes.LittleEndianStructure):
    _fields_ = (
        ("window", WindowStruct),
        ("channels", _int32),
        ("low", _int32),
        ("high", _int32),
    )


class AvgpoolStruct(ctypes.LittleEndianStructure):
    _fields_ = (
        ("window", WindowStruct),
        ("channels", _int32),
        ("count_include_pad", _int32),
        ("multiplier", _pointer),
        ("shift", _pointer),
        ("low", _int32),
        ("high", _int32),
    )


class AddStruct(ctypes.LittleEndianStructure):
    _fields_ = tuple(
        (name, _int32) for name in ["count", "multiplier_a", "multiplier_b", "shift", "low", "high"]
    )


class ConcatInputStruct(ctypes.LittleEndianStructure):
    _fields_ = tuple((name, _int32) for name in ["channels", "multiplier", "shift", "low", "high"])


class ConcatStruct(ctypes.LittleEndianStructure):
    _fields_ = (("pixels", _int32), ("inputs", _int32), ("input", _pointer))


class ClipStruct(ctypes.LittleEndianStructure):
    _fields_ = tuple((name, _int32) for name in ["count", "low", "high"])


class ReshapeStruct(ctypes.LittleEndianStructure):
    _fields_ = tuple(
        (name, _int32) for name in ["in_pixels", "in_channels", "out_pixels", "out_channels"]
    )


class SoftmaxStruct(ctypes.LittleEndianStructure):
    _fields_ = (("count", _int32), ("table", _pointer))


def window_struct(window: Window, in_h: int, in_w: int) -> WindowStruct:
    """The C form of ``window`` over an (in_h, in_w) map."""
    return WindowStruct(
        in_h,
        in_w,
        *window.output_size(in_h, in_w),
        *window.kernel,
        *window.stride,
        *window.pads[:2],
        *window.dilation,
    )


class DmaStruct(ctypes.LittleEndianStructure):
    _fields_ = (
        ("in", _pointer),
        ("codes", _pointer),
        ("pixels", ctypes.c_uint32),
        ("before", ctypes.c_uint32),
        ("descriptor", _pointer),
    )


class AnalogStruct(ctypes.LittleEndianStructure):
    _fields_ = (
        ("dma", _pointer),
        ("tile", _pointer),
        ("dma_rows", _int32),
        ("dma_first", _int32),
        ("block_count", _int32),
        ("window", WindowStruct),
        ("in_channels", _int32),
        ("out_channels", _int32),
        ("code_bytes", _int32),
        ("block", _pointer),
        ("range_count", _int32),
        ("range", _pointer),
        ("bias", _pointer),
        ("requant", RequantStruct),
        ("columns", _pointer),
        ("pixel_columns", _pointer),
        ("pixel_bytes", _int32),
    )


class ShareStruct(ctypes.LittleEndianStructure):
    _fields_ = (("oy", _int32), ("ox", _int32), ("rows", _int32), ("columns", _int32))


class CopiesStruct(ctypes.LittleEndianStructure):
    _fields_ = (
        ("count", _int32),
        ("together", _int32),
        ("copy", _pointer),
        ("share", _pointer),
        ("columns", _pointer),
    )
