"""Default names, and the keys that concern tiles alone."""

from __future__ import annotations

from typing import Final

SYSTEM: Final = "alpine-hp"
MAPPING: Final = "analog"
ENGINE: Final = "embedded"
NOISE: Final = "pcm"
SEARCH: Final = "lionheart"

_TILE_KEYS: Final = ("system.tile", "system.tiles", "system.attach", "run.placement")
_TILE_PREFIXES: Final = ("system.tile.", "system.attach.", "system.energy.tile_")


def is_tile_key(key: str) -> bool:
    """Whether ``key`` has no effect on a program that uses no tiles."""
    return key in _TILE_KEYS or key.startswith(_TILE_PREFIXES)
