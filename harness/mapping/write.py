"""Writing a mapping file that `resolve_mapping` reads back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.atomic import atomic_write_text
from harness.mapping.conductance_file import write_conductances
from harness.mapping.file_format import FORMAT, VERSION, MappingFile, format_mapping_file
from harness.mapping.mapping import LayerMapping


def write_mapping(mapping: LayerMapping, path: Path, *, checkpoint: str | None = None) -> None:
    """Write ``mapping`` to ``path``, with every layer that a tile can compute.

    Conductances are written first, as steps, to .safetensors files of the same stem.

    Args:
        checkpoint: File beside the mapping with the weights that it was found for.

    Raises:
        HarnessError: A file cannot be written.
    """
    content: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "model": mapping.model,
        "graph_sha256": mapping.graph_sha256,
        "layers": dict(mapping.layers),
        "checkpoint": checkpoint,
        "provenance": dict(mapping.provenance),
    }
    if mapping.conductances is not None:
        files = write_conductances(path.with_suffix(".safetensors"), mapping.conductances)
        names = [file.name for file in files]
        content["conductances"] = names[0] if len(names) == 1 else names
    atomic_write_text(path, format_mapping_file(MappingFile.model_validate(content)))
