"""The report of a finished run, read back from its folder and written anew."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Final

from harness.checksums import seal_again
from harness.errors import HarnessError
from harness.locks import folder_lock
from harness.report.comparison import Comparison
from harness.report.write import write_report

_READ_ONLY: Final = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


def write_report_again(
    comparison: Comparison, folder: Path, *, waiting: Callable[[str], None]
) -> str | None:
    """Write tables and pictures of ``comparison`` into its run's ``folder``.

    Args:
        comparison: What ``folder / "result.json"`` holds.
        folder: The run's folder; its checksums follow what is written and nothing else.
        waiting: Called with the process that works on the folder, before this one waits.

    Returns:
        The reason if nothing could be written for lack of permission; else None.

    Raises:
        HarnessError: The disk is full, or fails.
    """
    folder = folder.resolve()
    try:
        with folder_lock(folder, waiting=waiting):
            files = write_report(comparison, folder)
            seal_again(folder, [getattr(files, field.name) for field in fields(files)])
    except HarnessError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in _READ_ONLY:
            return str(cause.strerror)
        raise
    return None
