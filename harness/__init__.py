"""Full-system simulation of ARM cores with analog in-memory computing tiles."""

from __future__ import annotations

__all__ = ["__version__"]

__version__ = "0.1.0"
