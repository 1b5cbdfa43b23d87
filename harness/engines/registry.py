"""The engines by name: those of the harness, and those of other packages by their entry points.

docs/engines.md says how to add one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from harness.config.load import PRESETS_HINT
from harness.config.schema import Config
from harness.engines.protocol import NO_OPTIONS, Engine, EngineOption, EngineOptions
from harness.errors import ConfigError, EngineError

GROUP: Final = "aimc_harness.engines"
_OWN: Final = (
    EntryPoint("embedded", "harness.engines.embedded.engine:EmbeddedEngine", GROUP),
    EntryPoint("gem5", "harness.engines.gem5.engine:Gem5Engine", GROUP),
)


def engine_names() -> tuple[str, ...]:
    """Every engine's name, the harness's own first."""
    return tuple(_entry_points())


def in_words(names: Iterable[str]) -> str:
    """``a, b or c``."""
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def check_engine(name: str) -> None:
    """Refuse a name that `engine` would refuse, without loading anything.

    Raises:
        EngineError: There is no engine of this name.
    """
    if name not in _entry_points():
        raise EngineError(
            f"unknown engine {name!r}", hint=f"valid engines: {', '.join(engine_names())}"
        )


def engine_class(name: str) -> type[Engine]:
    """The class of the engine called ``name``.

    Raises:
        EngineError: There is no engine of this name, or it cannot be loaded.
    """
    check_engine(name)
    point = _entry_points()[name]
    try:
        found: type[Engine] = point.load()
    except (ImportError, AttributeError) as error:
        raise EngineError(
            f"the engine {name} cannot be loaded: {error}",
            where=f"entry point {point.value}",
            hint="install its package again, or remove it",
        ) from error
    return found


def engine(name: str, options: EngineOptions = NO_OPTIONS) -> Engine:
    """The engine called ``name``.

    Args:
        name: As ``run.engine`` has it.
        options: What it is told; what only other engines take is left out.

    Raises:
        EngineError: There is no engine of this name, or it cannot be loaded.
    """
    found = engine_class(name)
    taken = {
        option.name: options[option.name] for option in found.options if option.name in options
    }
    make: Callable[..., Engine] = found
    return make(**taken)


def engine_options(names: Iterable[str] | None = None) -> dict[str, EngineOption]:
    """The options that the engines called ``names`` take, by name.

    Without ``names`` those of all engines that can be loaded.

    Raises:
        EngineError: There is no engine of a name, or it cannot be loaded.
    """
    found: dict[str, EngineOption] = {}
    for name in engine_names() if names is None else names:
        try:
            found |= {option.name: option for option in engine_class(name).options}
        except EngineError:
            if names is not None:
                raise
    return found


def engine_with_option(option: str) -> str | None:
    """The first engine that takes ``option``."""
    return next((name for name in engine_names() if option in engine_options([name])), None)


def check_config(config: Config, options: EngineOptions = NO_OPTIONS) -> None:
    """Ask the configuration's engine, told ``options``, whether it can simulate it.

    Raises:
        ConfigError: There is no such engine.
        HarnessError: The engine refuses.
    """
    name, names = config.run.engine, engine_names()
    if name not in names:
        raise ConfigError(
            f"{name!r} is not {in_words(map(repr, names))}", where="run.engine", hint=PRESETS_HINT
        )
    engine(name, options).check(config)


@functools.cache
def _entry_points() -> dict[str, EntryPoint]:
    """By name; no other package takes a name of the harness's own."""
    others = {point.name: point for point in entry_points(group=GROUP)}
    own = {point.name: point for point in _OWN}
    return own | {name: point for name, point in others.items() if name not in own}
