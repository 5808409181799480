"""The catalog entry of the journals of searches."""

from pathlib import Path
from typing import Any, NoReturn

from kedro.io import AbstractDataset, DatasetError

from push_propensity.selection.studies import Studies


class StudiesDataset(AbstractDataset[NoReturn, Studies]):
    """The journals in a folder, to which a search adds each trial as it finishes it.

    Args:
        filepath: The folder; made when a search begins.
        metadata: Anything that plugins want to know.
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Studies:
        """Return the journals; the folder need not exist."""
        return Studies(self._filepath)

    def save(self, data: NoReturn) -> NoReturn:  # noqa: ARG002
        """Refuse: searches write their journals themselves."""
        raise DatasetError("The journals of searches are read only, as a dataset.")

    def _exists(self) -> bool:
        return True

    def _describe(self) -> dict[str, Any]:
        return {"filepath": self._filepath.as_posix()}
