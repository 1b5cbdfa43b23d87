"""``sweep.json``: what a sweep consists of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from harness.artifacts import atomic_write_text
from harness.sweep.points import Sweep

PLAN_FILE: Final = "sweep.json"


def write_plan(sweep: Sweep, folder: Path) -> None:
    """Write the plan of ``sweep`` into ``folder``."""
    points = [{"identity": p.identity, "axes": dict(p.axes)} for p in sweep.points]
    document = {"name": sweep.name, "axes": list(sweep.axes), "points": points}
    atomic_write_text(folder / PLAN_FILE, json.dumps(document, indent=1) + "\n")
