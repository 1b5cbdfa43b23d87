"""What the translation of any layer to C needs, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.codegen import packing
from harness.codegen.blob import Blob
from harness.codegen.windows import hwc, node_sliding
from harness.config.schema import TileConfig
from harness.placement.plan import Plan
from harness.quant.program import Int32Array, Pair, QNode, Requant


@dataclass(frozen=True)
class Layer:
    """What the templates write for one layer.

    ``fields`` is the struct's designated initializer in order; ``blocks``, ``ranges``,
    ``dma_tiles`` and ``concat_inputs`` are the rows of the arrays that an analog layer (the
    tiles: by DMA) or a concatenation points to, ``copies`` and ``shares`` those of a layer with
    copies, whose blocks and tiles are those of all copies.  ``nearer`` is which of these the layer
    before brings nearer.  A layer in ``parts`` is nothing but these, one after the other.
    """

    name: str
    struct: str
    fields: tuple[tuple[str, str], ...]
    call: str
    comment: str
    scratch_bytes: int = 0
    blocks: tuple[str, ...] = ()
    ranges: tuple[str, ...] = ()
    dma_tiles: tuple[int, ...] = ()
    nearer: tuple[str, ...] = ()
    concat_inputs: tuple[str, ...] = ()
    copies: tuple[tuple[tuple[str, str], ...], ...] = ()
    shares: tuple[str, ...] = ()
    parts: tuple[Layer, ...] = ()


@dataclass(frozen=True)
class Context:
    """What a layer's translation needs besides the node itself."""

    plan: Plan
    tile: TileConfig
    kernels: packing.Kernels
    blob: Blob
    buffers: Mapping[str, str]  # tensor name -> C expression

    def hwc(self, tensor: str) -> tuple[int, int, int]:
        """Height, width and channels of a tensor; a vector is a 1 x 1 map."""
        return hwc(self.plan.network, tensor)

    def pointer(self, data: bytes, c_type: str) -> str:
        """A C expression of the address of ``data`` among the linked weights."""
        return f"WEIGHTS({c_type}, {self.blob.add(data):#x})"

    def channels(self, values: Int32Array, count: int) -> str:
        return self.pointer(packing.pack_channels(values, count).tobytes(), "int32_t")

    def requant(self, requant: Requant, count: int) -> tuple[tuple[str, str], ...]:
        return (
            ("requant.multiplier", self.channels(requant.multiplier, count)),
            ("requant.shift", self.channels(requant.shift, count)),
            ("requant.low", str(requant.low)),
            ("requant.high", str(requant.high)),
        )

    def sliding(
        self,
        node: QNode,
        kernel: Pair,
        stride: Pair,
        pads: tuple[int, ...],
        dilation: Pair = (1, 1),
    ) -> packing.Sliding:
        return node_sliding(self.plan.network, node, kernel, stride, pads, dilation)

    def call(
        self,
        function: str,
        node: QNode,
        *,
        scratch: bool = False,
        name: str | None = None,
        offset: int = 0,
    ) -> str:
        """``name``: of the struct, if not the node's; ``offset``: of the first channel written."""
        arguments = [f"&{name or node.name}_layer", *(self.buffers[name] for name in node.inputs)]
        output = self.buffers[node.output]
        arguments.append(f"{output} + {offset}" if offset else output)
        if scratch:
            arguments.append("scratch")
        return f"{function}({', '.join(arguments)})"
