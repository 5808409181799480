"""The catalog entry of a table in files, which an engine reads and writes."""

import logging
import shutil
from pathlib import Path
from typing import Any

import duckdb
import ibis
import ibis.expr.types as ir
from ibis import BaseBackend
from kedro_datasets.ibis import FileDataset

from push_propensity.datasets.engines import connect
from push_propensity.errors import EngineError

logger = logging.getLogger(__name__)


class TableDataset(FileDataset):  # type: ignore[misc]  # kedro-datasets tells no types
    """An `ibis.FileDataset` that may be absent, and whose engine is set up by `engines.connect`.

    Entries with the same `connection` share one connection.

    Args:
        optional: Whether a table without a file loads as None; else that is an error. A file that
            is there and cannot be read is always one.
        arguments: The arguments of `ibis.FileDataset`; `filepath` may be a pattern with `*`.
    """

    def __init__(self, *, optional: bool = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._optional = optional

    def load(self) -> ir.Table | None:
        """Return the table, or None where it is optional and there is no file."""
        if self._optional and not self._exists():
            logger.info(
                "There is no table %s: it is optional, and its defaults hold.", self._table_name
            )
            return None
        return super().load()

    def save(self, data: ir.Table) -> None:
        """Compute the table and write it, on this machine under another name first.

        So nobody reads half of it, and it may be made of the file that it replaces. In a remote
        place the engine writes it as it does. A table of another engine than this entry's is
        written by its own: what ingestion makes on DuckDB may be read on Spark.

        Raises:
            EngineError: Neither memory nor the temporary folder holds what is computed.
        """
        engine = self._engine_of(data)
        write = getattr(engine, f"to_{self._file_format}")
        arguments = ({"mode": "overwrite"} if engine.name == "pyspark" else {}) | self._save_args
        if self._fs_prefix:
            write(data, self._fs_prefix + str(self._get_save_path()), **arguments)
            return
        target = Path(self._get_save_path())
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f"{target.name}.unfinished")
        try:
            write(data, unfinished, **arguments)
            if target.is_dir() or unfinished.is_dir():  # Spark writes a folder
                _remove(target)
            unfinished.replace(target)
        except duckdb.OutOfMemoryException as error:
            raise EngineError(
                f"DuckDB has too little room to compute {self._table_name}. Raise memory_limit, "
                "or name a temp_directory with more free space, in globals.yml of your "
                "environment."
            ) from error
        finally:
            _remove(unfinished)

    def _engine_of(self, data: ir.Table) -> BaseBackend:
        engine = data.get_backend()
        return self.connection if engine is ibis.get_backend() else engine  # of no table stored

    def _connect(self) -> BaseBackend:
        return connect(**self._connection_config)

    def _exists(self) -> bool:
        return super()._exists() or any(self._glob_function(str(self._get_load_path())))


def _remove(path: Path) -> None:
    """Remove a file or a folder if it is there."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
