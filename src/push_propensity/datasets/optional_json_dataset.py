"""The catalog entry of a JSON file that may not have been made."""

from typing import Any

from kedro_datasets.json import JSONDataset


class OptionalJSONDataset(JSONDataset):  # type: ignore[misc]  # kedro-datasets tells no types
    """A `json.JSONDataset` that loads as None where there is no file."""

    def load(self) -> Any:
        """Return what the file holds, or None where there is none; a damaged one is an error."""
        return super().load() if self._exists() else None
