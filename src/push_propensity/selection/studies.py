"""The journals of searches.

Optuna is imported where a journal is opened: every command imports the pipelines and makes the
catalog, only a search needs it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from push_propensity.errors import DataError

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import JournalStorage


@dataclass(frozen=True)
class Studies:
    """Where the finished trials of searches are kept.

    Attributes:
        folder: Holds a journal per candidate; None: they are kept in memory alone.
    """

    folder: Path | None = None

    def open(self, candidate: str, name: str) -> "Study":
        """Open a candidate's study; what its journal holds of another one is thrown away.

        Args:
            candidate: Names the journal.
            name: Names the study: a digest of what its trials depend on.

        Raises:
            DataError: The journal is damaged.
        """
        from optuna import create_study, get_all_study_names

        if self.folder is None:
            return create_study(study_name=name, direction="maximize")
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{candidate}.log"
        try:
            storage = _open_journal(path)
            if name not in get_all_study_names(storage):
                path.unlink()
                storage = _open_journal(path)
            return create_study(
                study_name=name, storage=storage, direction="maximize", load_if_exists=True
            )
        except (ValueError, LookupError, TypeError, AssertionError) as error:
            raise DataError(
                f"The journal of a search, {self.folder.name}/{path.name}, is damaged. Delete it "
                "to search anew; earlier results are as they were."
            ) from error


def _open_journal(path: Path) -> "JournalStorage":
    """Open a journal, less the line that a killed process had begun."""
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    if path.exists():
        with path.open("r+b") as journal:
            journal.truncate(journal.read().rfind(b"\n") + 1)
    return JournalStorage(JournalFileBackend(str(path)))
