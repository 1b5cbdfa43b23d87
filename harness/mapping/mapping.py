"""The layers that a user maps to analog tiles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from harness.operators.matrix import WeightedNode
from harness.operators.tensor import FloatArray
from harness.quant.program import QNetwork

Unit: TypeAlias = Literal["analog", "digital"]


@dataclass(frozen=True, eq=False)
class LayerMapping:
    """A mapping that fits its network.

    Attributes:
        model: The network's name.
        source: ``digital``, ``analog`` or the file it came from.
        layers: Every layer that a tile can compute, in the network's order, with its unit; all
            other layers are digital.
        insists: True: a layer of ``analog`` that no number of tiles can compute is an error.
            False: it stays digital, with the reason in the plan.  Layers for which there are too
            few tiles stay digital in any case.
        conductances: By analog layer, its effective weights as programmed, float32 [K, N] in
            units of the layer's float weights; None: the float weights themselves.
        graph_sha256: `harness.quant.digest.network_digest` of the only network that it is valid
            for, or None.
        provenance: The mapping's origin; JSON values, kept unchanged.
    """

    model: str
    source: str
    layers: Mapping[str, Unit]
    insists: bool
    conductances: Mapping[str, FloatArray] | None = None
    graph_sha256: str | None = None
    provenance: Mapping[str, object] = field(default_factory=dict)

    @property
    def analog(self) -> tuple[str, ...]:
        """The layers that go to tiles, in the network's order."""
        return tuple(name for name, unit in self.layers.items() if unit == "analog")


def matrix_layers(network: QNetwork) -> dict[str, tuple[int, int]]:
    """Layers that a tile can compute, with the rows and columns (K, N) of their matrix.

    K counts a convolution's (ky, kx, channel), or a dense layer's inputs in (h, w, channel) order.
    """
    matrices: dict[str, tuple[int, int]] = {}
    for node in network.nodes:
        if isinstance(node, WeightedNode) and node.matrix_form() is not None:
            columns = node.weight.shape[0]
            matrices[node.name] = (node.weight.size // columns, columns)
    return matrices
