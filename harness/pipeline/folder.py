"""Run folders: built aside, published by a rename, never half written."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.config.schema import Config
from harness.errors import HarnessError


def run_name(config: Config, identity: str) -> str:
    """``<model>-<mapping>-<first 12 digits of the identity>``, safe in a path."""
    parts = (Path(config.run.model).stem, Path(config.run.mapping).stem)
    safe = "-".join(re.sub(r"[^a-z0-9_]+", "_", part.lower())[:40] or "x" for part in parts)
    return f"{safe}-{identity[:12]}"


@contextlib.contextmanager
def staged_folder(target: Path) -> Iterator[Path]:
    """A temporary folder that becomes ``target`` if the block ends well.

    On an error or an interrupt the temporary folder is removed and an earlier ``target``
    stays as it was.

    Raises:
        HarnessError: The folder cannot be made or moved (full disk, permissions).
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(target)
        prefix = f".{target.name}.{os.getpid()}."
        staging = Path(tempfile.mkdtemp(dir=target.parent, prefix=prefix))
        staging.chmod(0o755)
    except OSError as error:
        raise _cannot_write(target, error) from error
    try:
        yield staging
        _publish(staging, target)
    except OSError as error:
        raise _cannot_write(target, error) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _remove_abandoned(target: Path) -> None:
    """Remove what runs of this name left that were killed without a chance to clean up."""
    for path in target.parent.glob(f".{target.name}.*"):
        owner = path.name.removeprefix(f".{target.name}.").partition(".")[0]
        if owner.isdigit() and not _is_alive(int(owner)):
            shutil.rmtree(path, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _publish(staging: Path, target: Path) -> None:
    """Move ``staging`` to ``target``; an existing target is set aside and removed last."""
    if not target.exists():
        staging.rename(target)
        return
    prefix = f".{target.name}.{os.getpid()}.old."
    aside = Path(tempfile.mkdtemp(dir=target.parent, prefix=prefix))
    old = aside / "old"
    target.rename(old)
    try:
        staging.rename(target)
    except OSError:
        old.rename(target)
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _cannot_write(target: Path, error: OSError) -> HarnessError:
    return HarnessError(
        f"the run's folder cannot be written: {error.strerror or error}",
        where=str(target),
        hint="check free space and permissions, or name another folder with --out",
    )
