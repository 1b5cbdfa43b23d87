"""The cache's folder, its kinds of entries and its size limit."""

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
"""Subfolder of unfinished entries, and the prefix of temporary folders in it."""

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
"""Subfolders of entries, with a description of each kind."""


def cache_dir() -> Path:
    """The cache's folder: AIMC_CACHE, else the user's cache folder."""
    named = os.environ.get(FOLDER_VARIABLE)
    return Path(named) if named else Path(platformdirs.user_cache_dir("aimc-harness"))


def limit_bytes() -> int:
    """The size limit of all entries together: AIMC_CACHE_GIB, else `DEFAULT_LIMIT_GIB`.

    Raises:
        ConfigError: The variable is not a number of GiB.
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
