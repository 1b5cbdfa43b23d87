"""The mapping file, version 1: reading and writing (`docs/mapping-format.md`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from harness.budget import MAPPING_BYTES
from harness.errors import MappingError
from harness.reading import read_regular
from harness.safe_text import shown
from harness.strict_json import JsonError, parse_json_object

FORMAT: Final = "aimc-mapping"
VERSION: Final = 1
LARGEST_LIST: Final = 4096  # files of conductances
SHOWN_PROBLEMS: Final = 8
_SHOWN_LENGTH: Final = 120  # of what the file says, in a message

LayerName = Annotated[str, Field(min_length=1, max_length=256)]
FileName = Annotated[str, Field(min_length=1, max_length=1024)]
FileNames = Annotated[list[FileName], Field(min_length=1, max_length=LARGEST_LIST)]


class MappingFile(BaseModel):
    """The file's content."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal["aimc-mapping"]
    version: Annotated[int, Field(ge=1, le=1)]  # a Literal would take true for 1
    model: Annotated[str, Field(min_length=1, max_length=4096)]
    graph_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    layers: dict[LayerName, Literal["analog", "digital"]]
    conductances: FileName | FileNames | None = None
    checkpoint: FileName | None = None
    provenance: dict[str, JsonValue] = Field(default_factory=dict)


def read_mapping_file(path: Path) -> MappingFile:
    """Read and check a mapping file on its own.

    Raises:
        MappingError: It is not a readable file, not JSON, or not a mapping of this version.
    """
    where = str(path)
    try:
        return MappingFile.model_validate(parse_json_object(_read(path), "not a JSON file"))
    except JsonError as error:
        raise MappingError(str(error), where=where) from error
    except ValidationError as error:
        problems = error.errors(include_url=False, include_input=False)
        lines = [
            f"{shown('.'.join(map(str, item['loc'])), _SHOWN_LENGTH) or 'file'}: {item['msg']}"
            for item in problems[:SHOWN_PROBLEMS]
        ]
        if len(problems) > SHOWN_PROBLEMS:
            lines.append(f"and {len(problems) - SHOWN_PROBLEMS} more")
        raise MappingError(
            "not a mapping of version 1: " + "; ".join(lines),
            where=where,
            hint="docs/mapping-format.md describes the file",
        ) from error


def check_model(content: MappingFile, model: str, where: str) -> None:
    """Refuse a mapping of another network than ``model``.

    Raises:
        MappingError: It is for another network.
    """
    if content.model != model:
        raise MappingError(
            f"the mapping is for the network {content.model[:120]!r}, this is {model[:120]!r}",
            where=where,
        )


def format_mapping_file(content: MappingFile) -> str:
    """The text of a mapping file."""
    return json.dumps(content.model_dump(exclude_none=True), indent=2, allow_nan=False) + "\n"


def _read(path: Path) -> bytes:
    try:
        return read_regular(path, MAPPING_BYTES)
    except FileNotFoundError as error:
        raise MappingError(
            "no such mapping",
            where=str(path),
            hint="give digital, analog or the path of a mapping file (.json)",
        ) from error
    except OSError as error:
        raise MappingError(
            f"cannot read the mapping: {error.strerror}", where=repr(str(path))
        ) from error
