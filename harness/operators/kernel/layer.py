"""A layer of a program: its parameter struct, its call, and what a node needs to write both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

import numpy.typing as npt

from harness.operators.integer_node import QNode, QTensor, Requant
from harness.operators.kernel.sliding import Sliding
from harness.operators.tensor import FloatArray, Int8Array, Int32Array, Pair

Fields: TypeAlias = tuple[tuple[str, str], ...]
"""A struct's designated initializer in order: field and C expression."""


@dataclass(frozen=True)
class Layer:
    """What the templates write for one layer.

    ``fields`` is the struct's designated initializer in order; ``blocks``, ``ranges``,
    ``dma_tiles`` and ``concat_inputs`` are the rows of the arrays that an analog layer (the
    tiles: by DMA) or a concatenation points to, ``copies`` and ``shares`` those of a layer with
    copies, whose blocks and tiles are those of all copies.  ``prefetched`` is which of these the
    layer before prefetches.  A layer in ``parts`` is nothing but these, one after the other.
    """

    name: str
    struct: str
    fields: Fields
    call: str
    comment: str
    scratch_bytes: int = 0
    blocks: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    dma_tiles: tuple[int, ...] = ()
    prefetched: tuple[str, ...] = ()
    concat_inputs: tuple[str, ...] = ()
    copies: tuple[Fields, ...] = ()
    shares: tuple[str, ...] = ()
    parts: tuple[Layer, ...] = ()


@dataclass(frozen=True)
class ProgramContext(ABC):
    """What any node reads of the program around it, and where its arrays go.

    ``buffers`` has the C expression of every tensor, by name.
    """

    tensors: Mapping[str, QTensor]
    buffers: Mapping[str, str]

    @abstractmethod
    def pointer(self, data: bytes, c_type: str) -> str:
        """A C expression of the address of ``data`` among the linked weights."""

    def hwc(self, tensor: str) -> tuple[int, int, int]:
        """Height, width and channels of a tensor as kernels see it.

        A vector is a map of one pixel, a sequence one of one row.
        """
        held = self.tensors[tensor]
        return held.size("d") * held.size("h"), held.size("w") * held.size("t"), held.size("c")

    def count(self, tensor: str) -> int:
        """How many values a tensor has."""
        return prod(self.tensors[tensor].shape)

    def sliding(
        self,
        node: QNode,
        kernel: Pair,
        stride: Pair,
        pads: Sequence[int],
        dilation: Pair = (1, 1),
    ) -> Sliding:
        """The window of ``node`` over its input; ``pads`` begins with top and left."""
        return Sliding(
            in_size=self.hwc(node.inputs[0])[:2],
            out_size=self.hwc(node.output)[:2],
            kernel=kernel,
            stride=stride,
            pad=(pads[0], pads[1]),
            dilation=dilation,
        )

    def call(
        self,
        function: str,
        node: QNode,
        *,
        scratch: bool = False,
        name: str | None = None,
        offset: int = 0,
    ) -> str:
        """The C call of a node's kernel.

        Args:
            scratch: Whether the kernel works in scratch memory.
            name: Of the struct, if not the node's.
            offset: Of the first channel that is written.
        """
        arguments = [f"&{name or node.name}_layer", *(self.buffers[name] for name in node.inputs)]
        output = self.buffers[node.output]
        arguments.append(f"{output} + {offset}" if offset else output)
        if scratch:
            arguments.append("scratch")
        return f"{function}({', '.join(arguments)})"


class Context(ProgramContext):
    """What the int8 kernel of a node needs; packed weights are as that kernel reads them."""

    @abstractmethod
    def channels(self, values: Int32Array, count: int) -> str:
        """A pointer to one int32 per channel; a single value is repeated for all ``count``."""

    @abstractmethod
    def conv_weight(self, weight: Int8Array, groups: int, dilation_x: int) -> str:
        """A pointer to a convolution's packed weight [out, kh, kw, in / groups]."""

    @abstractmethod
    def depthwise_weight(self, weight: Int8Array, sliding: Sliding) -> str:
        """A pointer to a depthwise convolution's packed weight [channels, kh, kw, 1]."""

    @abstractmethod
    def dense_weight(self, weight: Int8Array) -> str:
        """A pointer to a dense layer's packed weight [out, in]."""

    @abstractmethod
    def conv_scratch_bytes(self, weight_shape: Sequence[int], groups: int, sliding: Sliding) -> int:
        """Scratch memory of a convolution with a weight [out, kh, kw, in / groups]."""

    @abstractmethod
    def depthwise_scratch_bytes(self, channels: int, sliding: Sliding) -> int:
        """Scratch memory of a depthwise convolution."""

    @abstractmethod
    def reshape_scratch_bytes(self, count: int) -> int:
        """Scratch memory of moving ``count`` values to another layout."""

    def layer(
        self,
        node: QNode,
        kernel: str,
        fields: Fields,
        comment: str,
        scratch_bytes: int | None = None,
    ) -> Layer:
        """The layer of ``kernel``, which is the name of function and struct.

        Args:
            scratch_bytes: Of the memory that the kernel works in; None: it takes none.
        """
        call = self.call(kernel, node, scratch=scratch_bytes is not None)
        return Layer(node.name, kernel, fields, call, comment, scratch_bytes or 0)

    def requant(self, requant: Requant, count: int) -> Fields:
        """The fields of a struct's ``requant`` for ``count`` channels."""
        return (
            ("requant.multiplier", self.channels(requant.multiplier, count)),
            ("requant.shift", self.channels(requant.shift, count)),
            ("requant.low", str(requant.low)),
            ("requant.high", str(requant.high)),
        )

    def table(self, values: npt.NDArray[Any], c_type: str) -> str:
        """A pointer to ``values`` in little-endian order, as they are."""
        return self.pointer(values.astype(values.dtype.newbyteorder("<")).tobytes(), c_type)


class Fp32Context(ProgramContext):
    """What the fp32 kernel of a node needs; packed weights are as that kernel reads them."""

    @abstractmethod
    def channels(self, values: FloatArray) -> str:
        """A pointer to one float per channel."""

    @abstractmethod
    def conv_weight(self, weight: FloatArray, groups: int, dilation_x: int) -> str:
        """A pointer to a convolution's packed weight [out, kh, kw, in / groups]."""

    @abstractmethod
    def depthwise_weight(self, weight: FloatArray) -> str:
        """A pointer to a depthwise convolution's packed weight [channels, kh, kw, 1]."""

    @abstractmethod
    def conv_scratch_bytes(self, in_channels: int, groups: int, sliding: Sliding) -> int:
        """Scratch memory of a convolution."""

    @abstractmethod
    def depthwise_scratch_bytes(self, channels: int, sliding: Sliding) -> int:
        """Scratch memory of a depthwise convolution."""

    @abstractmethod
    def clamp(self, node: QNode) -> Fields:
        """The fields of the activation that is fused into ``node``."""

    def layer(
        self,
        node: QNode,
        function: str,
        struct: str,
        fields: Fields,
        comment: str,
        scratch_bytes: int | None = None,
    ) -> Layer:
        """The layer of a kernel that clamps; ``scratch_bytes``: None for one without scratch."""
        call = self.call(function, node, scratch=scratch_bytes is not None)
        fields = (*fields, *self.clamp(node))
        return Layer(node.name, struct, fields, call, comment, scratch_bytes or 0)
