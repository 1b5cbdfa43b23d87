"""The engines of this version by name."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from harness.engines.protocol import Engine
from harness.errors import EngineError

ENGINES: Final = ("embedded", "gem5")


def check_engine(name: str) -> None:
    """Refuse a name that `engine` would refuse, without loading anything.

    Raises:
        EngineError: There is no engine of this name.
    """
    if name not in ENGINES:
        raise EngineError(f"unknown engine {name!r}", hint=f"valid engines: {', '.join(ENGINES)}")


def engine(name: str, *, gem5: Path | None = None, fast_forward: str | None = None) -> Engine:
    """The engine called ``name``.

    Args:
        gem5: The program of the engine gem5; None: the variable GEM5, then PATH.
        fast_forward: `RunConfig.fast_forward`, which only gem5 has.

    Raises:
        EngineError: There is no engine of this name.
    """
    check_engine(name)
    if name == "gem5":
        from harness.engines.gem5.engine import Gem5Engine

        return Gem5Engine(gem5, fast_forward=fast_forward)
    from harness.engines.embedded.engine import EmbeddedEngine

    return EmbeddedEngine()


def engine_identity(name: str, *, gem5: Path | None = None) -> dict[str, str]:
    """What tells this machine's engine from others of its name; empty where it is our own code.

    Args:
        gem5: As of `engine`.

    Raises:
        EngineError: The engine is not on this machine, or cannot run the harness's programs.
    """
    check_engine(name)
    if name != "gem5":
        return {}
    from harness.engines.gem5.installation import describe, find_binary, identity

    found = describe(find_binary(gem5))
    return {"version": found.version, **identity(found.binary)}
