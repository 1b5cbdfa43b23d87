"""Exclusive work on a folder, between processes, containers and machines.

The lock of a folder is a file beside it, held by flock(2), which ends with its process.  Its holder
also renews the file's time.  Where flock does not reach (file systems without it, NFS mounted
with locks for each machine alone), a file that was renewed lately is a held lock.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import platform
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from harness.errors import HarnessError
from harness.interrupts import uninterrupted

_RENEWED_EVERY_S: Final = 5.0
_SILENT_S: Final = 60.0  # without a renewal, a holder that flock cannot tell of has ended
_UNWRITTEN_S: Final = 2.0  # the same, before it has written which process it is
_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 1.0
_HELD: Final = frozenset({errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES})
_NO_FLOCK: Final = frozenset({errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL})
_KERNEL: Final = Path("/proc/sys/kernel/random/boot_id")
_LARGEST_RECORD: Final = 4096  # bytes


@dataclass(frozen=True)
class _Holder:
    """What a lock file tells of the process that holds it."""

    host: str
    process: int
    since: str
    kernel: str  # flock reaches every process of one kernel, in whatever container
    token: str

    def __str__(self) -> str:
        return f"host {self.host}, process {self.process}, since {self.since}"


def lock_file(target: Path) -> Path:
    """The lock file of the folder ``target``."""
    return target.parent / f".{target.name}.lock"


@contextlib.contextmanager
def folder_lock(target: Path, *, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of ``target``, which need not exist; waits while another process does.

    A lock that a killed process left is taken over: at once on a file system with flock, else
    when it has not been renewed for a minute.  The lock file is gone afterwards.

    Args:
        target: The folder; its parent is made.
        waiting: Hears once, before the first wait, which process holds the lock.

    Raises:
        HarnessError: The lock file cannot be written.
    """
    with _uninterrupted_exit() as stack:
        pause_s = _FIRST_PAUSE_S
        told = False
        while isinstance(found := _attempt(target, stack), str):
            if not told:
                waiting(f"{found} is making this; waiting for it")
                told = True
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
        yield


@contextlib.contextmanager
def lock_if_free(target: Path) -> Iterator[bool]:
    """Hold the lock of ``target`` if no other process does; gives whether it is held.

    Raises:
        HarnessError: The lock file cannot be written.
    """
    with _uninterrupted_exit() as stack:
        yield _attempt(target, stack) is None


@contextlib.contextmanager
def _uninterrupted_exit() -> Iterator[contextlib.ExitStack]:
    stack = contextlib.ExitStack()
    try:
        yield stack
    finally:
        with uninterrupted():
            stack.close()


def _attempt(target: Path, stack: contextlib.ExitStack) -> str | None:
    """Take the lock until ``stack`` closes, or say which process holds it."""
    path = lock_file(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        while True:
            with uninterrupted(), contextlib.ExitStack() as attempt:
                handle, created = _open(path)
                attempt.callback(os.close, handle)
                holder = _held_by(handle, path, created=created)
                if holder is not None:
                    return holder
                if _is_at(handle, path):
                    _hold(handle, path, attempt)
                    stack.push(attempt.pop_all())
                    return None
    except OSError as error:
        raise HarnessError(
            f"the folder cannot be locked: {error.strerror or error}",
            where=str(path),
            hint="check free space and permissions, or name another folder",
        ) from error


def _open(path: Path) -> tuple[int, bool]:
    """A descriptor of the lock file, and whether this call created the file."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    while True:
        with contextlib.suppress(FileExistsError):
            return os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666), True
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, flags), False


def _held_by(handle: int, path: Path, *, created: bool) -> str | None:
    """Lock the open file; the process that holds it otherwise."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        reached = True
    except OSError as error:
        if error.errno in _HELD:
            return _told(_read(handle))
        if error.errno not in _NO_FLOCK:
            raise
        reached = False
    if created:
        return None
    holder = _read(handle)
    if reached and holder is not None and holder.kernel == _kernel():
        return None
    silent_s = _SILENT_S if holder is not None else _UNWRITTEN_S
    if _now(path.parent) - os.fstat(handle).st_mtime < silent_s:
        return _told(holder)
    _set_aside(handle, path)
    return None


def _told(holder: _Holder | None) -> str:
    return "another process" + ("" if holder is None else f" ({holder})")


def _set_aside(handle: int, path: Path) -> None:
    """Remove the lock file of an ended holder; the process that creates it anew has the lock."""
    aside = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        path.rename(aside)
        if not _is_at(handle, aside):  # another process took over first: this is its lock
            os.link(aside, path)
    except (FileNotFoundError, FileExistsError):
        pass
    finally:
        aside.unlink(missing_ok=True)


def _is_at(handle: int, path: Path) -> bool:
    """Whether ``path`` still is the open file."""
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except FileNotFoundError:
        return False


def _hold(handle: int, path: Path, stack: contextlib.ExitStack) -> None:
    """Write who holds the lock and renew it until ``stack`` closes, which removes the file."""
    since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    me = _Holder(platform.node(), os.getpid(), since, _kernel(), secrets.token_hex(8))
    stack.callback(_remove, handle, path, me)
    os.ftruncate(handle, 0)
    os.pwrite(handle, (json.dumps(asdict(me)) + "\n").encode(), 0)
    ended = threading.Event()
    renewal = threading.Thread(
        target=_renew, args=(handle, ended), name=f"lock of {path.name}", daemon=True
    )
    renewal.start()
    stack.callback(renewal.join)
    stack.callback(ended.set)


def _renew(handle: int, ended: threading.Event) -> None:
    while not ended.wait(_RENEWED_EVERY_S):
        with contextlib.suppress(OSError):
            os.utime(handle)


def _remove(handle: int, path: Path, me: _Holder) -> None:
    with contextlib.suppress(OSError):
        if _read(handle) in (me, None) and _is_at(handle, path):
            path.unlink()


def _read(handle: int) -> _Holder | None:
    try:
        document = json.loads(os.pread(handle, _LARGEST_RECORD, 0))
        return _Holder(
            host=str(document["host"]),
            process=int(document["process"]),
            since=str(document["since"]),
            kernel=str(document["kernel"]),
            token=str(document["token"]),
        )
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None  # its holder has just created it, or did not come to writing it


def _kernel() -> str:
    """What tells this kernel, since it started, from every other."""
    try:
        return _KERNEL.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return platform.node()


def _now(folder: Path) -> float:
    """Seconds by the clock of the file system, which may be another machine's."""
    with tempfile.TemporaryFile(dir=folder) as probe:
        return os.fstat(probe.fileno()).st_mtime
