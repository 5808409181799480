from pathlib import Path

import pandas as pd
import pytest
from kedro_datasets.ibis import FileDataset
from kedro_datasets.pandas import CSVDataset, ParquetDataset

from push_propensity.errors import DataError
from push_propensity.ingestion.read_errors import explain_read_error


def failure(dataset: CSVDataset | ParquetDataset | FileDataset) -> BaseException:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        dataset.load()
    return caught.value


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such file"),
        (b"", "file is empty"),
        (b"\n\n", "file is empty"),
        (b"a,b\n1,2\n1,2,3\n", "different numbers of fields"),
        (b"a,b\n\xff\xfe,2\n", "not UTF-8"),
    ],
)
def test_csv_files(tmp_path: Path, content: bytes | None, reason: str):
    path = tmp_path / "frame.csv"
    if content is not None:
        path.write_bytes(content)
    explained = explain_read_error(failure(CSVDataset(filepath=str(path))), str(path))
    assert isinstance(explained, DataError)
    assert reason in str(explained)
    assert str(path) in str(explained)


def test_folders(tmp_path: Path):
    explained = explain_read_error(failure(CSVDataset(filepath=str(tmp_path))), "frame.csv")
    assert "it is a folder" in str(explained)


def test_damaged_parquet_file(tmp_path: Path):
    path = tmp_path / "frame.parquet"
    path.write_bytes(b"not parquet at all")
    explained = explain_read_error(failure(ParquetDataset(filepath=str(path))), str(path))
    assert "not a complete Parquet file" in str(explained)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such file"),
        (b"not parquet at all, but long enough", "not a complete Parquet file"),
    ],
)
def test_raw_tables_that_the_database_reads(tmp_path: Path, content: bytes | None, reason: str):
    path = tmp_path / "orders.parquet"
    if content is not None:
        path.write_bytes(content)
    connection = {"backend": "duckdb", "database": ":memory:"}
    dataset = FileDataset(
        filepath=str(path), file_format="parquet", table_name="orders", connection=connection
    )
    explained = explain_read_error(failure(dataset))
    assert reason in str(explained)
    assert str(path) in str(explained)


def test_our_own_errors_pass_as_they_are():
    ours = DataError("the frame has no rows")
    wrapped = RuntimeError("while loading")
    wrapped.__cause__ = ours
    assert explain_read_error(wrapped, "frame.csv") is ours


def test_errors_that_are_not_about_the_file():
    assert explain_read_error(KeyError("x"), "frame.csv") is None
    assert explain_read_error(pd.errors.DataError("x"), "frame.csv") is None


def test_file_named_by_the_catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    failed = failure(CSVDataset(filepath=str(tmp_path / "frame.csv")))
    assert f"Cannot read {tmp_path / 'frame.csv'}: there" in str(explain_read_error(failed))
    monkeypatch.chdir(tmp_path)
    assert "Cannot read frame.csv: there" in str(explain_read_error(failed))


def test_file_that_nothing_names():
    assert "Cannot read the input file: " in str(explain_read_error(FileNotFoundError()))
