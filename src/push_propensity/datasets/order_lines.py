"""Catalog entries around DuckDB that take over rows from elsewhere."""

import csv
from typing import Any

import fsspec
import ibis
import ibis.expr.types as ir
from ibis import BaseBackend
from kedro_datasets.ibis import TableDataset as StoredTableDataset

from push_propensity.datasets.engines import connect
from push_propensity.datasets.table_dataset import TableDataset
from push_propensity.errors import DataError


class CSVTextDataset(TableDataset):
    """A CSV file, or several of one header, all columns as text, read by DuckDB.

    Lines that cannot be parsed are left out and noted: DuckDB lists them in the table
    `<table_name>_rejects`, which `RejectedLinesDataset` loads. What does not fit into memory is
    spilled to disk.

    Args:
        arguments: As for `TableDataset`. `load_args` are those of DuckDB's `read_csv`, such as
            `delim`, `quote` and `encoding`.
    """

    def load(self) -> ir.Table | None:
        """Return the lines, or None where the file is optional and not there."""
        if self._optional and not self._exists():
            return super().load()
        path = self._fs_prefix + str(self._get_load_path())
        arguments = {"delim": ",", "quote": '"', "escape": '"', "encoding": "utf-8"}
        arguments |= self._load_args
        forget_rejects(self.connection, self._table_name)  # of an earlier read in this process
        lines = self.connection.read_csv(
            path,
            table_name=f"{self._table_name}_in_file",
            columns=dict.fromkeys(_read_header(path, arguments), "VARCHAR"),
            auto_detect=False,
            header=True,
            store_rejects=True,
            rejects_table=f"{self._table_name}_rejects",
            rejects_scan=f"{self._table_name}_scans",
            **arguments,
        )
        # Read once and whole: DuckDB 1.5 fails on text in a wrong encoding where a query asks for
        # some of the columns, and it would note the damaged lines again for each query.
        return self.connection.create_table(self._table_name, lines, temp=True, overwrite=True)


class RejectedLinesDataset(StoredTableDataset):  # type: ignore[misc]
    """The numbers of the lines that the last read of a `CSVTextDataset` left out.

    Args:
        arguments: As for `ibis.TableDataset`; `table_name` is that of the CSV file's entry.
    """

    def load(self) -> ir.Table | None:
        """Return one row per line, file_id and line; None where nothing was left out.

        They are taken out of the database, so that they never count for another source.
        """
        name = f"{self._table_name}_rejects"
        if name not in self.connection.list_tables():
            return None
        lines = self.connection.table(name).select("file_id", "line").distinct().to_pyarrow()
        forget_rejects(self.connection, self._table_name)
        return ibis.memtable(lines)

    def _connect(self) -> BaseBackend:
        return connect(**self._connection_config)


class TakenOverTableDataset(StoredTableDataset):  # type: ignore[misc]
    """A table in DuckDB that may be saved from another engine: its rows are then streamed in.

    Args:
        arguments: As for `ibis.TableDataset`.
    """

    def save(self, data: ir.Table) -> None:
        """Write the table anew."""
        if data.get_backend() is self.connection:
            super().save(data)
            return
        rows = data.to_pyarrow_batches(chunk_size=100_000)
        arriving = f"{self._table_name}_arriving"
        self.connection.con.register(arriving, rows)
        try:
            super().save(self.connection.table(arriving))
        finally:
            self.connection.con.unregister(arriving)

    def _release(self) -> None:
        """Drop the table: what comes after the last node that reads it has use for its room."""
        self.connection.drop_table(self._table_name, force=True)

    def _connect(self) -> BaseBackend:
        return connect(**self._connection_config)


def forget_rejects(connection: BaseBackend, table_name: str) -> None:
    """Drop what DuckDB noted about lines of a CSV file that could not be parsed."""
    for suffix in ("rejects", "scans"):
        connection.drop_table(f"{table_name}_{suffix}", force=True)


def _read_header(path: str, arguments: dict[str, Any]) -> list[str]:
    """Return the column names that all files of a path have.

    Raises:
        DataError: A file is empty, its header has a name twice or none, or differs from another's.
        FileNotFoundError: There is no such file.
    """
    files = fsspec.open_files(
        path,
        mode="rt",
        encoding=arguments["encoding"],
        errors="replace",  # of a line that comes later: it is counted when it is read
        compression="infer",
        newline="",
    )
    headers = []
    for file in files:
        with file as opened:
            reader = csv.reader(opened, delimiter=arguments["delim"], quotechar=arguments["quote"])
            headers.append(tuple(next(reader, ())))
    if not headers:
        raise FileNotFoundError(path)
    names = [name.removeprefix("\ufeff").strip() for name in headers[0]]
    if not all(names) or len(set(names)) < len(names) or not names:
        raise DataError(
            "The file needs a header line in which every column has a name of its own; found "
            f"{len(names)} columns with {len(set(filter(None, names)))} different names. Correct "
            "it, or set load_args.delim of the catalog entry."
        )
    if len(set(headers)) > 1:
        raise DataError(
            f"The {len(headers)} files have different header lines; all need the same columns in "
            "the same order. Export them alike."
        )
    return names
