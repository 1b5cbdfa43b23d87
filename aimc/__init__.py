"""Simulate networks on ARM cores with analog in-memory computing tiles."""

from __future__ import annotations

from harness import __version__

__all__ = ["__version__"]
