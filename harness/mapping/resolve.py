"""From a mapping's name or file to a mapping that fits the network."""

from __future__ import annotations

from pathlib import Path

from harness.errors import MappingError
from harness.mapping.conductance_file import conductance_files, read_conductances
from harness.mapping.file_format import MappingFile, check_model, read_mapping_file
from harness.mapping.mapping import LayerMapping, Unit, matrix_layers
from harness.operators.integer_node import QNode
from harness.quant.digest import network_digest
from harness.quant.program import QNetwork
from harness.safe_text import shown

SHOWN_LAYERS = 64


def resolve_mapping(spec: str, network: QNetwork) -> LayerMapping:
    """The mapping that ``spec`` means for ``network``.

    Args:
        spec: ``digital``: no layer on tiles.  ``analog``: every dense layer and every convolution
            with one group, as far as the system's tiles suffice.  Otherwise the path of a mapping
            file, which names the analog layers; unnamed layers are digital.

    Raises:
        MappingError: The file is malformed or does not fit the network; the message lists the
            layers that can be mapped.
    """
    matrices = matrix_layers(network)
    if spec == "digital":
        return LayerMapping(network.name, spec, dict.fromkeys(matrices, "digital"), insists=False)
    if spec == "analog":
        return LayerMapping(network.name, spec, dict.fromkeys(matrices, "analog"), insists=False)
    path = Path(spec)
    content = read_mapping_file(path)
    _check(content, network, spec)
    layers: dict[str, Unit] = {name: content.layers.get(name, "digital") for name in matrices}
    conductances = None
    if content.conductances is not None:
        wanted = {name: matrices[name] for name, unit in layers.items() if unit == "analog"}
        conductances = read_conductances(conductance_files(path), wanted)
    return LayerMapping(
        model=network.name,
        source=spec,
        layers=layers,
        insists=True,
        conductances=conductances,
        graph_sha256=content.graph_sha256,
        provenance=content.provenance,
    )


def _check(content: MappingFile, network: QNetwork, where: str) -> None:
    check_model(content, network.name, where)
    nodes = {node.name: node for node in network.nodes}
    matrices = matrix_layers(network)
    hint = "layers that can be analog: " + _listing(list(matrices))
    unknown = [name for name in content.layers if name not in nodes]
    if unknown:
        raise MappingError(f"no such layers: {_listing(unknown)}", where=where, hint=hint)
    impossible = [
        name for name, unit in content.layers.items() if unit == "analog" and name not in matrices
    ]
    if impossible:
        raise MappingError(
            "layers that no tile can compute: "
            + _listing([f"{name} ({_kind(nodes[name])})" for name in impossible]),
            where=where,
            hint=hint,
        )
    if content.graph_sha256 is not None and content.graph_sha256 != network_digest(network):
        raise MappingError(
            "the mapping was made for other weights or another structure of this network",
            where=where,
            hint="make the mapping again, or drop graph_sha256 to use it all the same",
        )


def _kind(node: QNode) -> str:
    groups = getattr(node, "groups", 1)
    return f"{node.kind} of {groups} groups" if groups > 1 else node.kind


def _listing(names: list[str]) -> str:
    listed = [shown(name) for name in names[:SHOWN_LAYERS]]
    if len(names) > SHOWN_LAYERS:
        listed.append(f"and {len(names) - SHOWN_LAYERS} more")
    return ", ".join(listed) or "none"
