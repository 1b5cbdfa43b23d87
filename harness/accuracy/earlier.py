"""The result of an earlier search in the folder of this one: served, replaced or left alone.

A result is served only if it is unchanged.  A changed result is a user's work (a mapping may be
edited) or damaged.  It is not served, and is replaced only on request.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from harness.accuracy.result import SUMMARY_FORMAT, Summary
from harness.budget import JSON_BYTES
from harness.checksums import CHECKSUMS_FILE, damage, sealed_files
from harness.errors import HarnessError
from harness.reading import read_regular
from harness.safe_text import shown
from harness.strict_json import JsonError, parse_json_object

MAPPING_FILE: Final = "mapping.json"
SUMMARY_FILE: Final = "summary.json"
TABLE_FILE: Final = "accuracy.csv"
PICTURE_FILE: Final = "accuracy.png"
_FILES: Final = frozenset({MAPPING_FILE, SUMMARY_FILE, TABLE_FILE, PICTURE_FILE})
_LISTED: Final = 8  # files in a message


def served(out: Path, fingerprint: str, *, fresh: bool) -> Summary | None:
    """The summary of the result in ``out`` if a search of ``fingerprint`` found it.

    None: there is no result, or this search may replace it.

    Args:
        fresh: Whether to replace it even if it is the same search's, or has changed.

    Raises:
        HarnessError: ``out`` is not a search's result, or has changed.
    """
    if not os.path.lexists(out):
        return None
    sealed = sealed_files(out)
    if SUMMARY_FILE not in sealed and not _is_summary(out / SUMMARY_FILE):
        raise HarnessError(
            "this is there already and is not the result of a search",
            where=str(out),
            hint="name another folder with --out",
        )
    if fresh:
        _check_foreign(out, sealed)
        return None
    changes = [
        *damage(out),
        *(f"{name} has no checksum" for name in sorted(_FILES - sealed) if sealed),
    ]
    if changes:
        raise HarnessError(
            f"this result of a search has changed since it was found: {_listing(changes)}",
            where=str(out),
            hint="move it to keep it; --fresh searches again and replaces it",
        )
    summary = read_summary(out)
    if summary.provenance.get("fingerprint") == fingerprint:
        return summary
    _check_foreign(out, sealed)
    return None


def read_summary(out: Path) -> Summary:
    """The summary of the result in ``out``.

    Raises:
        HarnessError: It is malformed.
    """
    path = out / SUMMARY_FILE
    try:
        return Summary.model_validate(_document(path))
    except (OSError, JsonError, ValidationError) as error:
        raise HarnessError(
            "the summary of the search cannot be read",
            where=str(path),
            hint="move the folder to keep it; --fresh searches again and replaces it",
        ) from error


def _is_summary(path: Path) -> bool:
    try:
        return _document(path).get("format") == SUMMARY_FORMAT
    except (OSError, JsonError):
        return False


def _document(path: Path) -> dict[str, object]:
    return parse_json_object(read_regular(path, JSON_BYTES))


def _check_foreign(out: Path, sealed: frozenset[str]) -> None:
    """Refuse to replace a folder with a file that no search wrote."""
    own = sealed | _FILES | {CHECKSUMS_FILE}
    found = (path for path in sorted(out.rglob("*")) if path.is_symlink() or not path.is_dir())
    names = [path.relative_to(out).as_posix() for path in found]
    foreign = [
        name
        for name in names
        if name not in own and (sealed or "/" in name or not name.endswith(".safetensors"))
    ]
    if foreign:
        raise HarnessError(
            f"the folder has files that no search wrote and would be replaced: {_listing(foreign)}",
            where=str(out),
            hint="move them, or name another folder with --out",
        )


def _listing(texts: list[str]) -> str:
    more = f" and {len(texts) - _LISTED} more" if len(texts) > _LISTED else ""
    return ", ".join(shown(text) for text in texts[:_LISTED]) + more
