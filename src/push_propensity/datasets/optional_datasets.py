"""Catalog entries of what may not have been made."""

from typing import Any

import pandas as pd
from kedro_datasets.json import JSONDataset
from kedro_datasets.pandas import ParquetDataset


class OptionalParquetDataset(ParquetDataset):  # type: ignore[misc]  # kedro-datasets tells no types
    """A `pandas.ParquetDataset` that loads as None where there is no file."""

    def load(self) -> pd.DataFrame | None:
        """Return the table, or None where there is no file; a damaged one is an error."""
        return super().load() if self._exists() else None


class OptionalJSONDataset(JSONDataset):  # type: ignore[misc]
    """A `json.JSONDataset` that loads as an empty object where there is no file."""

    def load(self) -> Any:
        """Return what the file holds; a damaged one is an error."""
        return super().load() if self._exists() else {}
