"""Locks on a models root and on a bundle, which the system drops when a process ends.

A process that serves a bundle holds its directory, shared with others; whoever deletes a bundle
must have it alone. Where the file system has no such locks, nothing is deleted.
"""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOCK = ".lock"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def lock_root(root: Path) -> Iterator[None]:
    """Be the only one who publishes or deletes under the root.

    Raises:
        OSError: The root is missing or cannot be written.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(root / _LOCK, flags, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


class Hold:
    """Keeps a bundle from being deleted for as long as this object lives.

    Args:
        path: The bundle's directory; if there is none, nothing is held.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = -1
        with suppress(OSError):
            self._descriptor = os.open(path, _DIRECTORY)
            share(self._descriptor)

    def __del__(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)


def share(directory: int) -> None:
    """Hold an open directory together with others, until it is closed.

    Raises:
        FileNotFoundError: It is being deleted, or was since it was opened.
    """
    if not _try_lock(directory, fcntl.LOCK_SH) or os.fstat(directory).st_nlink == 0:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


@contextmanager
def have_alone(path: Path) -> Iterator[bool]:
    """Yield whether nobody else holds the directory; if so, nobody does until the block ends."""
    descriptor = os.open(path, _DIRECTORY)
    try:
        yield _try_lock(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # the file system has no such locks
        return kind == fcntl.LOCK_SH
    return True
