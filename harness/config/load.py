"""From names, files and overrides to one checked `Config`, and back to text."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

import yaml
from pydantic import ValidationError

from harness.config import defaults
from harness.config.earlier import with_later_fields
from harness.config.fields import Section, canonical, number_range
from harness.config.loop_schema import LoopConfig
from harness.config.overrides import Override, apply_override, find_field, parse_overrides
from harness.config.preset_files import (
    RUN,
    SECTIONS,
    SYSTEM,
    Preset,
    PresetFinder,
    PresetValue,
    closest,
    describe_preset,
    find_preset,
    list_presets,
)
from harness.config.schema import Config, RunConfig, SystemConfig
from harness.config.yaml_reader import parse_yaml
from harness.digest import sha256_of
from harness.errors import ConfigError

__all__ = [
    "PRESETS_HINT",
    "Preset",
    "PresetValue",
    "config_from_yaml",
    "config_hash",
    "config_to_yaml",
    "describe_preset",
    "list_presets",
    "load_config",
    "load_loop_config",
    "short_hash",
    "values_hash",
]

SectionT = TypeVar("SectionT", bound=Section)

_HASH_VERSION: Final = 1  # of what the hash covers; part of what is hashed


def load_config(
    *,
    system: str,
    overrides: Sequence[str | Override] = (),
    run: Mapping[str, object] | None = None,
    find: PresetFinder = find_preset,
) -> Config:
    """Build the configuration of one run.

    Later values win, in this order: the shipped run defaults, the system preset and its section
    presets, ``run``, section swaps among the overrides, other overrides.

    Args:
        system: A system preset's name, or the path of a system YAML file, which names a
            preset (or a preset file beside it) for each section.
        overrides: ``key.path=value``, for instance ``system.tile.adc_latency_ns=50``,
            ``system.tile=hermes-256`` (swaps the whole section) or ``run.images=10``.
        run: Values of `RunConfig` by field name.
        find: Reads presets; a caller that makes many configurations may remember them.

    Raises:
        ConfigError: A preset, key or value is unknown or impossible; the message has the
            key's path and the valid values.
    """
    parsed = parse_overrides(overrides)
    swaps = {item.path[1]: str(item.value) for item in parsed if item.is_section}
    preset = find(SYSTEM, system, relative_to=None)
    run_data = _run_data(run or {}, find)
    data: dict[str, Any] = {SYSTEM: _system_data(preset, swaps, find), RUN: run_data}
    for override in parsed:
        if not override.is_section:
            apply_override(data, override)
    config = _validate(data)
    baseline = _validate_system(_system_data(preset, swaps, find))
    unswapped = _validate_system(_system_data(preset, {}, find)) if swaps else baseline
    return _mark_changed(config, baseline, unswapped)


def load_loop_config(
    *,
    noise: str = defaults.NOISE,
    search: str = defaults.SEARCH,
    overrides: Sequence[str | Override] = (),
    find: PresetFinder = find_preset,
) -> LoopConfig:
    """Build the configuration of the accuracy loop.

    Args:
        noise: A noise preset's name, or the path of a preset file.
        search: A search preset's name, or the path of a preset file.
        overrides: ``key.path=value``, for instance ``noise.t_eval_s=3600``.
        find: As of `load_config`.

    Raises:
        ConfigError: A preset, key or value is unknown or impossible.
    """
    chosen = {"noise": noise, "search": search}
    data: dict[str, Any] = {}
    for section, name in chosen.items():
        preset = find(section, name, relative_to=None)
        data[section] = {"name": preset.name, **preset.nested()}
    baseline = _validate_as(LoopConfig, data)
    changed = copy.deepcopy(data)
    for override in parse_overrides(overrides, LoopConfig):
        apply_override(changed, override)
    config = _validate_as(LoopConfig, changed)
    renamed = {
        section: getattr(config, section).model_copy(update={"name": _modified(name)})
        for section in chosen
        if getattr(config, section) != getattr(baseline, section)
        and getattr(config, section).name == (name := getattr(baseline, section).name)
    }
    return config.model_copy(update=renamed)


def config_from_yaml(text: str, *, where: str = "configuration") -> Config:
    """Read back what `config_to_yaml` wrote, now or earlier; everything is checked again.

    Raises:
        ConfigError: It is not YAML, or not a complete and possible configuration.
    """
    data = parse_yaml(text, where=where)
    if not isinstance(data, dict):
        raise ConfigError("a configuration is a mapping of system and run", where=where)
    return _validate(with_later_fields(data))


def config_to_yaml(config: Config) -> str:
    """The whole configuration as YAML that a person can read and `config_from_yaml` reads."""
    header = f"# configuration {short_hash(config)}, complete: presets and overrides applied\n"
    body: str = yaml.safe_dump(
        canonical(config), sort_keys=False, default_flow_style=False, width=100
    )
    return header + body


def config_hash(config: Config) -> str:
    """SHA-256, in hexadecimal, of the configuration's canonical JSON.

    It depends on values only, not on their origin (preset, file, override).
    """
    return values_hash(canonical(config))


def values_hash(values: Mapping[str, object]) -> str:
    """`config_hash` of a stored configuration's values, with whatever fields it has."""
    content = {"version": _HASH_VERSION, "config": values}
    canonical = json.dumps(
        content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )
    return sha256_of(canonical)


def short_hash(config: Config) -> str:
    """The first 12 digits of `config_hash`: the name of the run's folder."""
    return config_hash(config)[:12]


def _system_data(preset: Preset, swaps: Mapping[str, str], find: PresetFinder) -> dict[str, Any]:
    """The system's nested values, with the sections in ``swaps`` taken from other presets."""
    data: dict[str, Any] = {"name": preset.name}
    for key, value in preset.nested().items():
        if key not in SECTIONS:
            data[key] = value
            continue
        if key in swaps:
            section = find(key, swaps[key], relative_to=None)
        elif isinstance(value, str):
            section = find(key, value, relative_to=preset.path.parent)
        else:
            raise ConfigError(
                f"{key} must name a preset",
                where=str(preset.path),
                hint=closest("", list_presets()[key]),
            )
        data[key] = {"name": section.name, **section.nested()}
    return data


def _run_data(given: Mapping[str, object], find: PresetFinder) -> dict[str, Any]:
    data: dict[str, Any] = dict(find(RUN, "default", relative_to=None).nested())
    for key, value in given.items():
        if key not in RunConfig.model_fields:
            raise ConfigError(
                f"unknown key {str(key)[:64]!r}",
                where=f"run.{key}"[:128],
                hint=closest(str(key), tuple(RunConfig.model_fields)),
            )
        data[key] = value
    return data


def _mark_changed(config: Config, baseline: SystemConfig, preset: SystemConfig) -> Config:
    """Rename to ``NAME.modified`` every section whose values overrides changed but did not rename.

    A report that names a preset must not print values of another one under that name.

    Args:
        config: The configuration with all overrides.
        baseline: Its system before the overrides of single values.
        preset: Its system also before section swaps.
    """
    system = config.system
    sections: dict[str, Any] = {}
    for key in SECTIONS:
        section, original = getattr(system, key), getattr(baseline, key)
        if section != original and section.name == original.name:
            sections[key] = section.model_copy(update={"name": _modified(section.name)})
    if system != preset and system.name == preset.name:
        sections["name"] = _modified(system.name)
    return config.model_copy(update={SYSTEM: system.model_copy(update=sections)})


def _modified(name: str) -> str:
    return f"{name[:55]}.modified"


def _validate(data: Mapping[str, object]) -> Config:
    return _validate_as(Config, data)


def _validate_system(data: Mapping[str, object]) -> SystemConfig:
    return _validate_as(SystemConfig, data, under=(SYSTEM,))


def _validate_as(
    model: type[SectionT], data: Mapping[str, object], *, under: tuple[str, ...] = ()
) -> SectionT:
    try:
        return model.model_validate(data, strict=True)
    except ValidationError as error:
        problems = [
            _problem(model, under, item["loc"], item["msg"], item["type"], item.get("input"))
            for item in error.errors(include_url=False)
        ]
        if len(problems) == 1:
            where, what = problems[0]
            raise ConfigError(what, where=where or None, hint=PRESETS_HINT) from error
        lines = "".join(f"\n  {where + ': ' if where else ''}{what}" for where, what in problems)
        raise ConfigError(
            f"{len(problems)} impossible values:{lines}", hint=PRESETS_HINT
        ) from error


_OUT_OF_RANGE: Final = ("greater_than_equal", "less_than_equal", "less_than")
PRESETS_HINT: Final = "aimc presets lists the presets, and each one's values, units and sources"


def _problem(
    model: type[Section],
    under: tuple[str, ...],
    loc: tuple[int | str, ...],
    message: str,
    kind: str,
    value: object,
) -> tuple[str, str]:
    path = ".".join(str(part) for part in (*under, *loc))
    if kind == "missing":
        return path, "the value is missing"
    if kind == "extra_forbidden":
        return path, "unknown key"
    if kind == "value_error":  # a validator of the schema, with a complete message
        return path, message.removeprefix("Value error, ")
    expected = message.removeprefix("Input should be ")
    shown = repr(value)
    if kind in _OUT_OF_RANGE:
        low, high = number_range(find_field(loc, model))
        if low is not None and high is not None:
            expected = f"in the range {low:g} to {high:g}"
    return path, f"{shown if len(shown) <= 64 else shown[:61] + '...'} is not {expected}"
