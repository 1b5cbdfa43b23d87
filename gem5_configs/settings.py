"""What a run is told: the harness's JSON as objects, with its keys as attributes.

The `system` part is `SystemConfig` of `harness/config/schema.py` as canonical JSON, and the harness
has checked it, so nothing here repeats the schema.  Only the standard library is used, because
gem5 runs this in an interpreter of its own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FORMAT = 3  # of the file; harness/engines/gem5/engine.py writes it


class SettingsError(Exception):
    """The settings cannot be simulated; the message says which key and why."""


class Settings:
    """One object of the file.  Reading a key that it lacks raises `SettingsError`.

    At the top: `format`; `elf`; `board`, the addresses and sizes of kernels/include/platform.h and
    aimc_tile/core/registers.h; `system`; `dram`, the class of gem5 that `system.memory` is based
    on, and which keys differ from it (harness/engines/gem5/dram.py); `fast_forward_to`, the region
    at whose first mark the detailed cores take over from functional ones, or null; `checkpoint`,
    null or `at_ns` and `stop`; `restore`, a checkpoint's folder or null; `attended`, whether
    standard input is a pipe of the harness, at whose end gem5 ends.
    """

    def __init__(self, where: str, values: dict[str, Any]) -> None:
        self._where = where
        vars(self).update(values)

    def items(self) -> list[tuple[str, Any]]:
        """All keys with their values."""
        return [(key, value) for key, value in vars(self).items() if not key.startswith("_")]

    def __getattr__(self, key: str) -> Any:  # noqa: ANN401
        if key.startswith("_"):
            raise AttributeError(key)
        raise SettingsError(f"{_below(self._where, key)}: missing")


def read_settings(path: Path) -> Settings:
    """The settings in the file `path`.

    Raises:
        SettingsError: It cannot be read, is not JSON or of another format, or it asks for what
            excludes each other or is not there.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: {error}") from error
    if not isinstance(document, dict):
        raise SettingsError("the document: must be an object")
    settings: Settings = _objects(document, "")
    if settings.format != FORMAT:
        raise SettingsError(f"format: {settings.format} is not {FORMAT}, the one known here")
    if settings.restore is not None and not Path(settings.restore, "m5.cpt").is_file():
        raise SettingsError(f"restore: {settings.restore!r} is no checkpoint's folder")
    if settings.fast_forward_to is not None and (settings.checkpoint or settings.restore):
        raise SettingsError("fast_forward_to: not together with a checkpoint")
    return settings


def _objects(value: Any, where: str) -> Any:  # noqa: ANN401
    if isinstance(value, dict):
        return Settings(where, {key: _objects(v, _below(where, key)) for key, v in value.items()})
    if isinstance(value, list):
        return [_objects(item, f"{where}[{i}]") for i, item in enumerate(value)]
    return value


def _below(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key
