"""The optional packages: their users, and how to install them on this Python."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import sys
from typing import Final

from packaging.requirements import Requirement

from harness.errors import HarnessError

DISTRIBUTION: Final = "aimc-harness"
_EXTRAS: Final = ("train", "dev")
_INSTALL: Final = (
    f"pip install '{DISTRIBUTION}[train]'; in a checkout make map and make train do so"
)


def need(purpose: str, *names: str) -> None:
    """Check that the optional packages ``names`` are installed.

    Raises:
        HarnessError: One is not; it says how to install it, or which Python has it.
    """
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if not missing:
        return
    reasons = [reason for name in missing if (reason := unavailable(name)) is not None]
    raise HarnessError(
        f"{purpose} needs {' and '.join(missing)}, not installed here",
        hint="; ".join(reasons) or _INSTALL,
    )


def unavailable(
    name: str, python: str = f"{sys.version_info[0]}.{sys.version_info[1]}"
) -> str | None:
    """Why Python ``python`` cannot have the optional package ``name``; None if it can."""
    for text in importlib.metadata.requires(DISTRIBUTION) or []:
        requirement = Requirement(text)
        if requirement.name != name or requirement.marker is None:
            continue
        places = [{"extra": extra, "python_version": python} for extra in _EXTRAS]
        if any(requirement.marker.evaluate(place) for place in places):
            return None
        version = str(requirement.specifier).lstrip("=")
        return (
            f"{name} {version} has no wheel for Python {python}; "
            "docs/development.md says which Python has one"
        )
    return None
