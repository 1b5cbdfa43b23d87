"""The engines of this version by name."""

from __future__ import annotations

from typing import Final

from harness.engines.protocol import Engine
from harness.errors import EngineError

ENGINES: Final = ("embedded",)
_PLANNED: Final = ("gem5",)


def check_engine(name: str) -> None:
    """Refuse a name that `engine` would refuse, without loading anything.

    Raises:
        EngineError: There is no engine of this name in this version.
    """
    if name in ENGINES:
        return
    valid = f"valid engines: {', '.join(ENGINES)}"
    if name in _PLANNED:
        raise EngineError(f"engine {name!r} is not part of this version", hint=valid)
    raise EngineError(f"unknown engine {name!r}", hint=valid)


def engine(name: str) -> Engine:
    """The engine called ``name``.

    Raises:
        EngineError: There is no engine of this name in this version.
    """
    check_engine(name)
    from harness.engines.embedded.engine import EmbeddedEngine

    return EmbeddedEngine()
