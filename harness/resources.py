"""Where the sources and data that are not Python lie: kernels, workloads, tile headers."""

from __future__ import annotations

from pathlib import Path

from harness.errors import HarnessError

_PACKAGE = Path(__file__).resolve().parent


def resource(relative: str) -> Path:
    """The file or folder ``relative`` (for instance ``kernels/include``).

    An installed package carries them in ``harness/_resources``; in a checkout they are
    the top-level folders.

    Raises:
        HarnessError: It is in neither place, so the installation is broken.
    """
    for root in (_PACKAGE / "_resources", _PACKAGE.parent):
        candidate = root / relative
        if candidate.exists():
            return candidate
    raise HarnessError(
        "a part of the installation is missing",
        where=relative,
        hint="install the package again: pip install --force-reinstall .",
    )
