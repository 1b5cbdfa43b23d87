"""The checkpoint that a mapping file names, for whose weights the mapping was found."""

from __future__ import annotations

from pathlib import Path

from harness.mapping.conductance_file import resolve_inside
from harness.mapping.file_format import check_model, read_mapping_file


def checkpoint_file(mapping: Path, model: str) -> Path | None:
    """The checkpoint that the mapping file ``mapping`` names; None if it names none.

    Raises:
        MappingError: The mapping file is malformed or for another network than ``model``, or
            the checkpoint is missing or outside its folder.
    """
    content = read_mapping_file(mapping)
    if content.checkpoint is None:
        return None
    check_model(content, model, str(mapping))
    return resolve_inside(mapping.parent, content.checkpoint, str(mapping), "checkpoint")
