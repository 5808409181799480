"""The journals of searches.

Optuna is imported where a journal is opened: every command imports the pipelines and makes the
catalog, only a search needs it.
"""

import fcntl
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from push_propensity.errors import DataError

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import JournalStorage

KEPT_SECONDS = 30 * 24 * 3600  # after its last trial, a journal may still be gone on with


@dataclass(frozen=True)
class Studies:
    """Where the finished trials of searches are kept.

    Attributes:
        folder: Holds a journal per study; None: they are kept in memory alone.
    """

    folder: Path | None = None

    def open(self, candidate: str, digest: str) -> "Study":
        """Open a candidate's study; of its others, those that nobody went on with are deleted.

        Args:
            candidate: The family that is searched.
            digest: Of what its trials depend on.

        Raises:
            DataError: The journal is damaged.
        """
        from optuna import create_study

        if self.folder is None:
            return create_study(study_name=digest, direction="maximize")
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{candidate}-{digest}.log"
        for other in self.folder.glob(f"{candidate}-*.log"):
            if other != path and time.time() - other.stat().st_mtime > KEPT_SECONDS:
                other.unlink(missing_ok=True)
        try:
            return create_study(
                study_name=digest,
                storage=_open_journal(path),
                direction="maximize",
                load_if_exists=True,
            )
        except (ValueError, LookupError, TypeError, AssertionError) as error:
            raise DataError(
                f"The journal of a search, {self.folder.name}/{path.name}, is damaged. Delete it "
                "to search anew; earlier results are as they were."
            ) from error


class _Lock:
    """Lets one at a time write to a journal; the system drops it when a process ends.

    Optuna's own are files, which a killed process leaves behind.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._descriptor = path, -1

    def acquire(self) -> bool:
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        with suppress(OSError):  # the file system has no such locks
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        return True

    def release(self) -> None:
        os.close(self._descriptor)

    def __enter__(self) -> None:
        self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


def _open_journal(path: Path) -> "JournalStorage":
    """Open a journal, less the line that a killed process had begun."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    lock: Any = _Lock(path)
    with lock, path.open("r+b") as journal:
        journal.truncate(journal.read().rfind(b"\n") + 1)
    return JournalStorage(JournalFileBackend(str(path), lock))
