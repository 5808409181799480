"""One fit of the same thing at a time, also across processes."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from push_propensity.errors import StorageError
from push_propensity.scoring.bundle.manifest import Fingerprint

_CLAIMS = ".fits"
_POSITION_BYTES = 7  # the largest position that a lock may have is 2 ** 63 - 1


@contextmanager
def claim_fit(root: Path, fingerprint: Fingerprint) -> Iterator[bool]:
    """Hold the right to fit one thing until the block ends.

    A claim is a lock on one byte of a file, at a position that stands for the fingerprint. The
    system drops it when the process ends, however it ends. Threads of one process are not kept
    apart.

    Args:
        root: The models root; made if it is missing.
        fingerprint: What is to be fitted.

    Yields:
        Whether no other process has claimed it.

    Raises:
        StorageError: The root cannot be written.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(root / _CLAIMS, flags, 0o644)
    except OSError as error:
        raise StorageError(
            f"The models root cannot be written ({error.strerror}); nothing was trained. Free "
            "space or make it writable, then try again."
        ) from error
    try:
        yield _lock(descriptor, fingerprint)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, fingerprint: Fingerprint) -> bool:
    parts = (fingerprint.data, fingerprint.parameters, fingerprint.code)
    digest = hashlib.sha256("\n".join(parts).encode()).digest()
    position = int.from_bytes(digest[:_POSITION_BYTES], "big")
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, position)
    except (BlockingIOError, PermissionError):
        return False
    return True
