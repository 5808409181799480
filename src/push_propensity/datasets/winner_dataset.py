"""The catalog entry of a selection's winner."""

from typing import Any, NoReturn

from kedro_datasets.json import JSONDataset

from push_propensity.errors import DataError


class NoWinner(dict[str, Any]):
    """Empty, where nothing was selected yet; whoever needs a winner is told so."""

    def __missing__(self, key: str) -> NoReturn:
        """Say what to do.

        Raises:
            DataError: Always.
        """
        raise DataError(
            "No candidate was selected yet, so there is no winner. Run "
            "`kedro run --pipelines data_processing,model_selection` with the same --env first."
        )


class WinnerDataset(JSONDataset):  # type: ignore[misc]  # kedro-datasets tells no types
    """A `json.JSONDataset` that loads as an empty `NoWinner` where there is no file."""

    def load(self) -> dict[str, Any]:
        """Return the winner; a damaged file is an error."""
        return super().load() if self._exists() else NoWinner()
