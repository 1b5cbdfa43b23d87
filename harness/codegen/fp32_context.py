"""What fp32 layers of a program need: packed float weights, scratch sizes, tensors' addresses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from harness import _headers
from harness.codegen import packing
from harness.codegen.blob import Blob
from harness.codegen.context import linked
from harness.operators.integer_node import QNode
from harness.operators.kernel.layer import Fields, Fp32Context
from harness.operators.kernel.sliding import Sliding
from harness.operators.tensor import FloatArray
from harness.placement.memory import SLACK

FLOAT_BYTES: Final = 4
_CHANNEL_PAD: Final = _headers.AIMC_CHANNEL_PAD
_WEIGHT_PAD: Final = _headers.AIMC_WEIGHT_PAD // FLOAT_BYTES


@dataclass(frozen=True)
class NetworkFp32Context(Fp32Context):
    """The context of a layer of a float network; its arrays go into ``blob``.

    ``bounds`` has every layer's fused clamp.
    """

    bounds: Mapping[str, tuple[float, float]]
    blob: Blob

    def pointer(self, data: bytes, c_type: str) -> str:
        return linked(self.blob, data, c_type)

    def channels(self, values: FloatArray) -> str:
        return self._floats(pack_channels_fp32(values))

    def conv_weight(self, weight: FloatArray, groups: int, dilation_x: int) -> str:
        return self._floats(pack_conv_weight_fp32(weight, groups, dilation_x))

    def depthwise_weight(self, weight: FloatArray) -> str:
        return self._floats(pack_depthwise_weight_fp32(weight))

    def _floats(self, packed: FloatArray) -> str:
        return self.pointer(packed.tobytes(), "float")

    def conv_scratch_bytes(self, in_channels: int, groups: int, sliding: Sliding) -> int:
        return packing.convolve_scratch_bytes(in_channels * FLOAT_BYTES, sliding, groups)

    def depthwise_scratch_bytes(self, channels: int, sliding: Sliding) -> int:
        return packing.band_bytes(sliding, channels * FLOAT_BYTES) + SLACK

    def clamp(self, node: QNode) -> Fields:
        low, high = self.bounds[node.name]
        return (("low", _float(low)), ("high", _float(high)))


def _float(value: float) -> str:
    if math.isinf(value):
        return "__builtin_inff()" if value > 0 else "-__builtin_inff()"
    return f"{float(np.float32(value)).hex()}f"


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
