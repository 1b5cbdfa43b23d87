"""Defaults, common to the command line and Python."""

from __future__ import annotations

from typing import Final

from harness.config import defaults


class Default(str):
    """A default that is distinguishable from the same text given by the caller.

    Only what a caller has given can contradict a setting of the same key.
    """

    __slots__ = ()


DEFAULT_MAPPING: Final = Default(defaults.MAPPING)
DEFAULT_SYSTEM: Final = Default(defaults.SYSTEM)
DEFAULT_ENGINE: Final = Default(defaults.ENGINE)
DEFAULT_NOISE: Final = Default(defaults.NOISE)
DEFAULT_SEARCH: Final = Default(defaults.SEARCH)
DEFAULT_OUT: Final = "runs"
DEFAULT_MAPPINGS: Final = "mappings"
DEFAULT_SWEEPS: Final = "sweeps"
MODELS: Final = "models"  # folder, beside what was made of them, of networks given in memory
DEFAULT_THREADS: Final = 2  # of torch
MAX_THREADS: Final = 1024  # of torch; more than any machine has use for
