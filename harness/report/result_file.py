"""``result.json``: a whole comparison on disk, read back strictly or not at all.

The file is ``{"schema", "version", "statements", "summary", "comparison", "sha256"}``.
``comparison`` holds everything; ``statements`` and ``summary`` repeat for people and
scripts what follows from it; ``sha256`` covers all the rest in canonical form.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from harness.budget import JSON_BYTES
from harness.digest import sha256_of
from harness.errors import HarnessError, StatsError
from harness.reading import read_regular
from harness.report.comparison import Comparison, accuracy_statement, outputs_statement
from harness.report.earlier_results import EARLIER_VERSION, with_later_config, with_later_parts
from harness.report.layer_row import LayerRow, total_row
from harness.report.programming import programming_of, programming_statement
from harness.strict_json import JsonError, parse_json

SCHEMA: Final = "aimc-harness result"
VERSION: Final = 4

_KEYS: Final = ("schema", "version", "statements", "summary", "comparison", "sha256")
_COMPARISON: Final = TypeAdapter(Comparison)


def result_text(comparison: Comparison) -> str:
    """The content of ``result.json``.

    Raises:
        StatsError: A figure is not finite.
    """
    programming = programming_statement(comparison)
    content = {
        "schema": SCHEMA,
        "version": VERSION,
        "statements": {
            "accuracy": accuracy_statement(comparison),
            "outputs": outputs_statement(comparison),
            **({"programming": programming} if programming else {}),
        },
        "summary": _summary(comparison),
        "comparison": _COMPARISON.dump_python(comparison, mode="json"),
    }
    try:
        content["sha256"] = digest(content)
        return json.dumps(content, indent=1, ensure_ascii=True, allow_nan=False) + "\n"
    except ValueError as error:
        raise StatsError("a figure of the result is not finite", where="result.json") from error


def read_result(path: Path) -> Comparison:
    """Read a ``result.json`` and check all of it.

    Raises:
        StatsError: The file is missing, truncated, edited, of another version, or foreign.
    """
    content = _load(path)
    if content.get("schema") != SCHEMA:
        raise _refusal(path, "the file is not a result of this program")
    version = content.get("version")
    if version not in (VERSION, EARLIER_VERSION):
        raise _refusal(
            path,
            f"the file has version {version!r}, this program reads {EARLIER_VERSION} and {VERSION}",
        )
    if set(content) != set(_KEYS):
        raise _refusal(path, f"the file must have exactly the keys {', '.join(_KEYS)}")
    if content["sha256"] != digest({k: v for k, v in content.items() if k != "sha256"}):
        raise _refusal(path, "the file's checksum is wrong: it was damaged or edited")
    raw = with_later_config(content["comparison"])
    if version == EARLIER_VERSION:
        raw = with_later_parts(raw)
    try:
        comparison = _COMPARISON.validate_json(json.dumps(raw), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise _refusal(path, f"impossible content at {place}: {first['msg']}") from error
    except HarnessError as error:
        raise _refusal(path, f"impossible content: {error.what}") from error
    if _COMPARISON.dump_python(comparison, mode="json") != raw:
        raise _refusal(path, "the file has content that this program does not know")
    try:
        follows = content["summary"] == _summary(comparison)
    except ArithmeticError:  # a peak of 0, integers beyond any float
        follows = False
    if not follows:
        raise _refusal(path, "the summary does not follow from the figures")
    return comparison


def _load(path: Path) -> dict[str, Any]:
    try:
        data = read_regular(path, JSON_BYTES)
        content = parse_json(data, "not valid JSON, perhaps truncated")
    except FileNotFoundError as error:
        raise _refusal(path, "there is no such file") from error
    except OSError as error:
        raise _refusal(path, f"cannot read the file: {error.strerror}") from error
    except JsonError as error:
        raise _refusal(path, str(error)) from error
    if not isinstance(content, dict):
        raise _refusal(path, "the file is not a result of this program")
    return content


def _summary(comparison: Comparison) -> dict[str, Any]:
    gain = comparison.gain
    programming = programming_of(comparison)
    return {
        "weights": "random" if comparison.model.random_weights else "trained",
        "programs": {
            program.name: _program_summary(total_row(comparison, program))
            for program in comparison.programs
        },
        "speed_up": None if gain is None else gain.speed_up,
        "energy_gain": None if gain is None else gain.energy_gain,
        "over_fp32": {
            program.name: {"speed_up": over.speed_up, "energy_gain": over.energy_gain}
            for program in comparison.programs
            if (over := comparison.fp32_gain(program)) is not None
        },
        **({"programming": asdict(programming)} if programming else {}),
    }


def _program_summary(total: LayerRow) -> dict[str, Any]:
    return {
        "time_ns": total.time_ns,
        "cycles": total.cycles,
        "energy_pj": total.energy_pj,
        "macs": total.macs,
        "dot_product_utilisation": total.utilisation,
        "cycles_by_cause": asdict(total.causes),
        "energy_by_group_pj": total.energy.groups(),
    }


def digest(content: dict[str, Any]) -> str:
    """SHA-256 of the canonical form of a result's content without its ``sha256``."""
    canonical = json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )
    return sha256_of(canonical)


def _refusal(path: Path, what: str) -> StatsError:
    return StatsError(what, where=str(path), hint="run again to make it anew")
