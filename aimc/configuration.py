"""From arguments to a configuration, for the command line and for Python."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from aimc.defaults import DEFAULT_SYSTEM
from harness.config.defaults import is_tile_key
from harness.config.load import load_config
from harness.config.schema import Config
from harness.engines.protocol import NO_OPTIONS, EngineOptions
from harness.engines.registry import (
    check_config,
    check_engine,
    engine_with_option,
)
from harness.engines.registry import (
    engine_options as options_of,
)
from harness.errors import ConfigError

Setting: TypeAlias = bool | int | float | str | os.PathLike[str] | None
"""A value of a configuration.  Text is read as the command line reads it."""


class Spelling(Protocol):
    """How a caller writes its arguments, for messages."""

    call: str
    """What the call is."""
    kind: str
    """What one of its arguments is."""

    def argument(self, name: str) -> str:
        """The argument that is called ``name`` in this module."""

    def given(self, name: str, value: object) -> str:
        """The same with its value."""

    def setting(self, key: str) -> str:
        """The setting of the configuration's ``key``."""


class PythonSpelling:
    """Keyword arguments."""

    call = "this function"
    kind = "an argument"

    def argument(self, name: str) -> str:
        return f"{name}="

    def given(self, name: str, value: object) -> str:
        return f"{name}={str(value)!r}"

    def setting(self, key: str) -> str:
        return f"set[{key!r}]"


PYTHON: Final = PythonSpelling()


def configure(
    model: str,
    *,
    mapping: str,
    system: str = DEFAULT_SYSTEM,
    settings: Sequence[str] = (),
    images: int | None = None,
    input_size: int | None = None,
    dataset: Path | None = None,
    checkpoint: Path | None = None,
    engine: str | None = None,
    engine_options: EngineOptions = NO_OPTIONS,
    given: Collection[str] = (),
    unused: Collection[str] = (),
    spelling: Spelling = PYTHON,
) -> Config:
    """The configuration of the arguments; missing ones have their defaults.

    Args:
        settings: ``key.path=value``, later ones winning.
        engine: None: the caller has no such argument.
        engine_options: What the engine is told, only to check that it takes it.
        given: Names of arguments that the caller gave; no setting may contradict them.
        unused: Keys of ``run`` that the caller does not use.

    Raises:
        HarnessError: An argument is unknown or impossible, or would have no effect.
    """
    from harness.data.workloads import workload_for
    from harness.model.onnx_path import is_onnx_path, refused_checkpoint

    if engine is not None:
        check_engine(engine)
    if reason := refused_checkpoint(model, checkpoint):
        raise ConfigError(
            reason,
            where=spelling.given("checkpoint", checkpoint),
            hint=f"leave {spelling.argument('checkpoint')} out",
        )
    workload = None if is_onnx_path(model) else workload_for(model)
    if images is None and workload is not None:
        images = workload.simulated_images
    run: dict[str, object] = {
        "model": model,
        "mapping": str(mapping),
        "images": plain(images),
        "input_size": plain(input_size),
        "dataset": None if dataset is None else str(dataset),
        "checkpoint": None if checkpoint is None else str(checkpoint),
        "engine": None if engine is None else str(engine),
    }
    keys = [text.partition("=")[0].strip() for text in settings]
    _check_run_keys(keys, given, unused, spelling)
    config = load_config(
        system=str(system),
        overrides=settings,
        run={key: value for key, value in run.items() if value is not None},
    )
    if config.run.mapping == "digital":
        _check_no_tile_keys(keys, spelling)
    for name in engine_options:
        _check_option(name, config.run.engine, spelling, by_setting=engine is None)
    check_config(config, engine_options)
    return config


def given_options(options: Mapping[str, object]) -> dict[str, str]:
    """What the caller has told the engine, as text.

    Raises:
        TypeError: No engine takes an argument of this name, so that it is nobody's.
        ConfigError: A value is neither a text nor a path.
    """
    known = options_of()
    texts: dict[str, str] = {}
    for name, value in options.items():
        if name not in known:
            raise TypeError(f"unexpected keyword argument {name!r}: no engine takes it")
        if value is None:
            continue
        if not isinstance(value, str | os.PathLike):
            raise ConfigError(
                f"{type(value).__name__} is no kind of value",
                where=PYTHON.argument(name),
                hint="give a text or a path",
            )
        texts[name] = os.fspath(value)
    return texts


def setting_texts(settings: Mapping[str, Setting] | None) -> list[str]:
    """Settings as ``key.path=value``.

    Raises:
        ConfigError: A key is no text, or a value is of no kind that a configuration has.
    """
    if settings is None:
        return []
    if not isinstance(settings, Mapping):
        raise ConfigError(
            f"a mapping of keys to values is needed, not {type(settings).__name__}",
            where="set",
            hint="for instance set={'system.tile.adc_bits': 6}",
        )
    for key in settings:
        if not isinstance(key, str) or "=" in key:
            raise ConfigError(
                f"not a key: {str(key)[:80]!r}",
                where="set",
                hint="for instance set={'system.tile.adc_bits': 6}",
            )
    return [f"{key}={setting_text(key, value)}" for key, value in settings.items()]


def setting_text(key: str, value: object) -> str:
    """``value`` as a setting's text says it.

    Raises:
        ConfigError: It is of no kind that a configuration has.
    """
    value = plain(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str | os.PathLike):
        return os.fspath(value)
    raise ConfigError(
        f"{type(value).__name__} is no kind of value",
        where=PYTHON.setting(key),
        hint="give a bool, an int, a float, a text or None",
    )


def plain(value: object) -> object:
    """``value`` as Python's own type, if it is a scalar of numpy's."""
    is_scalar = type(value).__module__ == "numpy" and getattr(value, "shape", None) == ()
    return value.item() if is_scalar else value  # type: ignore[attr-defined]


def optional_path(path: str | os.PathLike[str] | None) -> Path | None:
    """``path``, where there is one."""
    return None if path is None else Path(path)


def _check_option(name: str, engine: str, spelling: Spelling, *, by_setting: bool) -> None:
    """Refuse what is told to an engine that does not take it."""
    if name in options_of([engine]):
        return
    owner = engine_with_option(name)
    if owner is None:
        hint = f"leave {spelling.argument(name)} out"
    elif by_setting:
        hint = f"choose {owner} by {spelling.setting('run.engine')}"
    else:
        hint = f"add {spelling.given('engine', owner)}"
    raise ConfigError(
        f"{spelling.argument(name)}: the engine is {engine}, which uses no {name}", hint=hint
    )


def _check_run_keys(
    keys: Sequence[str], given: Collection[str], unused: Collection[str], spelling: Spelling
) -> None:
    """Refuse settings of ``run`` that an argument overrides or that the caller ignores."""
    for key in keys:
        section, _, name = key.partition(".")
        if section != "run":
            continue
        if name in unused:
            raise ConfigError(
                f"{spelling.call} does not use it",
                where=spelling.setting(key),
                hint="leave it out",
            )
        if name == "model" or name in given:
            raise ConfigError(
                f"{spelling.argument(name)} says it already",
                where=spelling.setting(key),
                hint="give one of the two",
            )


def _check_no_tile_keys(keys: Sequence[str], spelling: Spelling) -> None:
    """Refuse settings of tiles where the mapping is all-digital."""
    for key in keys:
        if is_tile_key(key):
            raise ConfigError(
                "the mapping is digital, which uses no tiles",
                where=spelling.setting(key),
                hint=f"leave it out, or choose another {spelling.argument('mapping')}",
            )
