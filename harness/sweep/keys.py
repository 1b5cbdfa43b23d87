"""The keys of a sweep file's ``base`` and axes, and the values that they take."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from harness.config.loop_schema import LoopConfig
from harness.config.overrides import Override, make_override
from harness.config.preset_files import LOOP_SECTIONS, SECTIONS, SYSTEM, closest
from harness.config.schema import Config
from harness.config.yaml_reader import Yaml
from harness.data.digits import BUNDLED
from harness.errors import ConfigError
from harness.model.onnx_path import is_onnx_path
from harness.sweep.points import AxisValue

Settings: TypeAlias = Mapping[str, AxisValue]
"""Values by the configuration's keys; ``system``, ``noise`` and ``search`` name presets."""

MODEL: Final = "run.model"
MAPPING: Final = "run.mapping"
ENGINE: Final = "run.engine"
CHECKPOINT: Final = "run.checkpoint"
DATASET: Final = "run.dataset"
IMAGES: Final = "run.images"
INPUT_SIZE: Final = "run.input_size"
TILES: Final = "system.tiles"
DROP: Final = "search.drop_points"
ENOUGH: Final = "enough"

SHORT: Final = {
    "model": MODEL,
    "mapping": MAPPING,
    "engine": ENGINE,
    "images": IMAGES,
    "input_size": INPUT_SIZE,
    "dataset": DATASET,
    "checkpoint": CHECKPOINT,
    "drop": DROP,
    "strategy": "search.strategy",
}
"""Names that the command line has for keys of the configuration."""
PRESET_KEYS: Final = (SYSTEM, *LOOP_SECTIONS)
_LOOP_PREFIXES: Final = tuple(f"{section}." for section in LOOP_SECTIONS)


@dataclass(frozen=True)
class Key:
    """One key: ``text`` as in the file, ``path`` as in the configuration."""

    text: str
    path: str


def is_loop_key(path: str) -> bool:
    """Whether the key is a setting of the search of a mapping."""
    return path in LOOP_SECTIONS or path.startswith(_LOOP_PREFIXES)


def read_key(text: str) -> Key:
    """The key that ``text`` names.

    Raises:
        ConfigError: There is none; the message has the closest and all valid ones.
    """
    key = Key(text, SHORT.get(text, text))
    if key.path in PRESET_KEYS:
        return key
    if "." not in key.path:
        names = (*PRESET_KEYS, *SHORT)
        valid = f"{closest(text, names)}, and keys of the configuration such as system.tile.rows"
        raise ConfigError(f"unknown key {text[:64]!r}", hint=valid)
    override_of(key.path, "")
    return key


@functools.lru_cache(maxsize=4096, typed=True)
def override_of(path: str, value: AxisValue) -> Override:
    """The override that sets ``path`` of a configuration to ``value``.

    Raises:
        ConfigError: See `harness.config.overrides.make_override`.
    """
    root = LoopConfig if path.startswith(_LOOP_PREFIXES) else Config
    return make_override(path, value, root)


def read_value(key: Key, value: Yaml, folder: Path) -> AxisValue:
    """The value of ``key`` as in the configuration; paths of files are relative to ``folder``.

    Raises:
        ConfigError: It is not a single value, or the key cannot have it.
    """
    if isinstance(value, list | dict):
        raise ConfigError("one value is needed, not several")
    if key.path in PRESET_KEYS:
        if not isinstance(value, str) or not value:
            raise ConfigError(f"a preset's name is text, not {value!r}")
    else:
        value = _single(override_of(key.path, value).value)
    return _located(key, value, folder)


def _single(value: Yaml) -> AxisValue:
    assert not isinstance(value, list | dict)
    return value


def _located(key: Key, value: AxisValue, folder: Path) -> AxisValue:
    if isinstance(value, str) and value and _is_file(key.path, value):
        return str(folder.absolute() / value)
    return value


def _is_file(path: str, value: str) -> bool:
    if path == MODEL:
        return is_onnx_path(value)
    if path == MAPPING:
        return value.endswith(".json")
    if path == DATASET:
        return value != BUNDLED
    sections = (*PRESET_KEYS, *(f"system.{section}" for section in SECTIONS))
    return path == CHECKPOINT or (path in sections and value.endswith((".yaml", ".yml")))
