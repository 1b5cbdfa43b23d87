"""Run folders: built under a temporary name, published by a rename, never half written."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from harness.atomic import sync_folder
from harness.config.schema import Config
from harness.errors import HarnessError
from harness.interrupts import uninterrupted
from harness.locks import lock_if_free
from harness.scratch import remove_abandoned, scratch_folder

_STAGING: Final = ".staging-"
_LOCK_NAME: Final = re.compile(r"\.(.+-[0-9a-f]{12})\.lock")  # of a folder called by `run_name`
_AT_WORKING_FOLDER: Final = -100  # AT_FDCWD of <fcntl.h>
_RENAME_EXCHANGE: Final = 2  # of <linux/fs.h>
_IN_THE_WAY: Final = frozenset({errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR})


def run_name(config: Config, identity: str) -> str:
    """``<model>-<mapping>-<first 12 digits of the identity>``, safe in a path."""
    parts = (Path(config.run.model).stem, Path(config.run.mapping).stem)
    safe = "-".join(re.sub(r"[^a-z0-9_]+", "_", part.lower())[:40] or "x" for part in parts)
    return f"{safe}-{identity[:12]}"


def remove_abandoned_runs(out: Path) -> None:
    """Remove the remains of killed runs in ``out``, as far as possible."""
    remove_abandoned(out, _STAGING)
    for path in out.glob(".*.lock"):
        if named := _LOCK_NAME.fullmatch(path.name):
            with contextlib.suppress(HarnessError), lock_if_free(out / named[1]):
                pass


@contextlib.contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """A temporary folder that becomes ``target`` if the block ends without an error.

    On an error or an interrupt the temporary folder is removed and an earlier ``target``
    stays as it was.  What killed processes left beside ``target`` is removed.

    Raises:
        HarnessError: The folder cannot be made or moved (full disk, permissions).
    """
    try:
        with scratch_folder(target.parent, _STAGING) as scratch:
            staging = scratch / target.name
            staging.mkdir()
            yield staging
            _publish(staging, target)
    except OSError as error:
        raise HarnessError(
            f"the run's folder cannot be written: {error.strerror or error}",
            where=str(target),
            hint="check free space and permissions, or name another folder with --out",
        ) from error


def _publish(staging: Path, target: Path) -> None:
    """Move ``staging`` to ``target``; an existing folder takes the place of ``staging``.

    Other processes may publish the same ``target``: each finds it whole, and the last one stays.
    """
    for folder, _, _ in os.walk(staging):
        sync_folder(Path(folder))
    with uninterrupted():
        while not (_moved(staging, target) or _exchanged(staging, target)):
            pass  # another process has published or set aside `target` in between
    sync_folder(target.parent)


def _moved(staging: Path, target: Path) -> bool:
    """Move ``staging`` to ``target``, which does not exist."""
    try:
        staging.rename(target)
    except OSError as error:
        if error.errno in _IN_THE_WAY:
            return False
        raise
    return True


def _exchanged(staging: Path, target: Path) -> bool:
    """Swap the two folders, atomically where the system can; False without ``target``."""
    exchange = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if exchange is not None:
        here = ctypes.c_int(_AT_WORKING_FOLDER)
        names = (os.fsencode(staging), os.fsencode(target))
        flags = ctypes.c_uint(_RENAME_EXCHANGE)
        if exchange(here, names[0], here, names[1], flags) == 0:
            return True
        if ctypes.get_errno() == errno.ENOENT:
            return False
    old = staging.with_name(f"old-{secrets.token_hex(8)}")
    try:
        target.rename(old)
    except FileNotFoundError:
        return False
    try:
        return _moved(staging, target)
    except OSError:
        old.rename(target)
        raise
