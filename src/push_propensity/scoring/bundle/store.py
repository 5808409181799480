"""The bundles that a process has loaded: few, shared by its threads, and looked at every time."""

import os
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from push_propensity.scoring.bundle.locks import Hold
from push_propensity.scoring.bundle.reading import SIZE_LIMIT, Bundle, read_bundle

_Signature = tuple[tuple[int, ...], ...]
_STEP_NANOSECONDS = 100_000_000
_LOADING = threading.Lock()  # one bundle at a time
_LOOKING = threading.Lock()  # at what is kept; whoever loads may take it too


def _pause() -> None:
    _LOADING.acquire()
    _LOOKING.acquire()


def _go_on() -> None:
    _LOOKING.release()
    _LOADING.release()


# A forked process has no thread that would finish what another one began: nothing may be under
# way in here or in ONNX Runtime's loading when a host forks its workers.
os.register_at_fork(before=_pause, after_in_parent=_go_on, after_in_child=_go_on)


@dataclass(frozen=True)
class _Entry:
    signature: _Signature
    bundle: Bundle
    hold: Hold


class ModelStore:
    """Loaded bundles by path; the one not asked for longest goes first.

    Every call compares inode, times and sizes of the directory and its files with those before
    the bundle was read, so that damage is noticed at the next call. Nothing is kept of a bundle
    that failed its checks. A bundle that is kept is not deleted by `delete_old`.

    Args:
        capacity: How many bundles are kept.
        size_limit: The most bytes that a bundle may have.
    """

    def __init__(self, capacity: int = 4, size_limit: int = SIZE_LIMIT) -> None:
        self._capacity = capacity
        self._size_limit = size_limit
        self._entries: OrderedDict[Path, _Entry] = OrderedDict()

    def get(self, path: Path) -> Bundle:
        """Return the bundle at `path` with its model loaded.

        Raises:
            BundleNotFoundError: There is no such directory.
            BundleError: The bundle or its model failed a check.
        """
        found = self._find(path)
        if found is not None:
            return found
        with _LOADING:
            return self._find(path) or self._load(path)

    def __len__(self) -> int:
        """Return how many bundles are kept."""
        return len(self._entries)

    def _find(self, path: Path) -> Bundle | None:
        with _LOOKING:
            entry = self._entries.get(path)
        if entry is None:
            return None
        if _sign(path) != entry.signature:
            with _LOOKING:
                self._entries.pop(path, None)
            return None
        with _LOOKING:
            if path in self._entries:
                self._entries.move_to_end(path)
        return entry.bundle

    def _load(self, path: Path) -> Bundle:
        hold = Hold(path)
        signature = _sign(path)
        settled = _is_settled(signature)
        bundle = read_bundle(path, self._size_limit)
        bundle.model  # noqa: B018  # loads and checks the model
        if settled:
            self._keep(path, _Entry(signature, bundle, hold))
        return bundle

    def _keep(self, path: Path, entry: _Entry) -> None:
        with _LOOKING:
            self._entries[path] = entry
            while len(self._entries) > self._capacity:
                self._entries.popitem(last=False)


def _sign(path: Path) -> _Signature:
    """Return what changes with the directory or a file in it; nothing if it cannot be read."""
    folder = str(path)
    try:
        paths = [folder, *(f"{folder}/{name}" for name in sorted(os.listdir(folder)))]
        return tuple(_sign_file(os.lstat(each)) for each in paths)
    except OSError:
        return ()


def _sign_file(status: os.stat_result) -> tuple[int, ...]:
    return (
        status.st_dev,
        status.st_ino,
        status.st_mode,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _is_settled(signature: _Signature) -> bool:
    """Tell whether a change from now on will show: file times advance in steps of milliseconds."""
    now = time.time_ns()
    return bool(signature) and all(abs(now - entry[-1]) > _STEP_NANOSECONDS for entry in signature)
