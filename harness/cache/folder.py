"""Where the cache is, what it holds and how large it may become."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Final

import platformdirs

from harness.errors import ConfigError

FOLDER_VARIABLE: Final = "AIMC_CACHE"
LIMIT_VARIABLE: Final = "AIMC_CACHE_GIB"
DEFAULT_LIMIT_GIB: Final = 4.0

SCRATCH: Final = "tmp"
SCRATCH_PREFIX: Final = "build-"
"""Subfolder of what is being made, and how the names of temporary folders in it begin."""

OBJECTS: Final = "objects"
PROGRAMS: Final = "programs"
SIMULATIONS: Final = "simulations"
EVALUATIONS: Final = "evaluations"
KINDS: Final = {
    OBJECTS: "compiled kernels",
    PROGRAMS: "compiled programs",
    SIMULATIONS: "simulations",
    EVALUATIONS: "evaluated images",
}
"""Subfolders of entries, and what these are."""


def cache_dir() -> Path:
    """The cache's folder: AIMC_CACHE, else the user's cache folder."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_cache_dir("aimc-harness"))


def limit_bytes() -> int:
    """What all entries together may take: AIMC_CACHE_GIB, else `DEFAULT_LIMIT_GIB`.

    Raises:
        ConfigError: The variable is no number of GiB.
    """
    text = os.environ.get(LIMIT_VARIABLE)
    if not text:
        return int(DEFAULT_LIMIT_GIB * 2**30)
    try:
        limit_gib = float(text)
    except ValueError:
        limit_gib = math.nan
    if not 0 <= limit_gib < math.inf:
        raise ConfigError(
            f"{text!r} is not a number of GiB",
            where=LIMIT_VARIABLE,
            hint=f"set it to a number of 0 or more, or leave it out for {DEFAULT_LIMIT_GIB:g}",
        )
    return int(limit_gib * 2**30)
