"""What a check of this machine finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from harness.errors import HarnessError


@dataclass(frozen=True)
class Finding:
    """One check's outcome; only ``missing`` keeps the harness from working."""

    what: str
    verdict: Literal["ok", "missing", "optional"]
    detail: str


def finding_of(what: str, check: Callable[[], str]) -> Finding:
    """``ok`` with what ``check`` returns, or ``missing`` with why it failed."""
    try:
        return Finding(what, "ok", check())
    except (HarnessError, ImportError, OSError) as error:
        return Finding(what, "missing", str(error))
