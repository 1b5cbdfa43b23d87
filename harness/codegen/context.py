"""What int8 layers of a plan's program need: packed weights, scratch sizes, tensors' addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.codegen import packing
from harness.codegen.blob import Blob
from harness.config.schema import TileConfig
from harness.operators.kernel.layer import Context
from harness.operators.kernel.sliding import Sliding
from harness.operators.tensor import Int8Array, Int32Array
from harness.placement.plan import Plan


@dataclass(frozen=True)
class PlanContext(Context):
    """The context of a layer of ``plan``; its arrays go into ``blob``."""

    plan: Plan
    tile: TileConfig
    kernels: packing.Kernels
    blob: Blob

    def pointer(self, data: bytes, c_type: str) -> str:
        return linked(self.blob, data, c_type)

    def channels(self, values: Int32Array, count: int) -> str:
        return self.pointer(packing.pack_channels(values, count).tobytes(), "int32_t")

    def conv_weight(self, weight: Int8Array, groups: int, dilation_x: int) -> str:
        return self._weight(packing.pack_conv_weight(weight, groups, dilation_x, self.kernels))

    def depthwise_weight(self, weight: Int8Array, sliding: Sliding) -> str:
        return self._weight(packing.pack_depthwise_weight(weight, sliding, self.kernels))

    def dense_weight(self, weight: Int8Array) -> str:
        return self._weight(packing.pack_dense_weight(weight, self.kernels))

    def _weight(self, packed: Int8Array) -> str:
        return self.pointer(packed.tobytes(), "int8_t")

    def conv_scratch_bytes(self, weight_shape: Sequence[int], groups: int, sliding: Sliding) -> int:
        return packing.conv_scratch_bytes(tuple(weight_shape), groups, sliding, self.kernels)

    def depthwise_scratch_bytes(self, channels: int, sliding: Sliding) -> int:
        return packing.depthwise_scratch_bytes(channels, sliding, self.kernels)

    def reshape_scratch_bytes(self, count: int) -> int:
        return packing.reshape_scratch_bytes(count, self.kernels)


def linked(blob: Blob, data: bytes, c_type: str) -> str:
    """A C expression of the address of ``data``, which is added to ``blob``."""
    return f"WEIGHTS({c_type}, {blob.add(data):#x})"
