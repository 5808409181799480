import logging
import re
from pathlib import Path

import duckdb
import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kedro.io import DataCatalog, DatasetError
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner

from push_propensity.datasets.order_lines import TakenOverTableDataset
from push_propensity.datasets.table_dataset import TableDataset
from push_propensity.errors import DataError, EngineError
from push_propensity.ingestion.read_errors import explain_read_error

CONNECTION = {"backend": "duckdb", "database": ":memory:", "memory_limit": None}
ROWS = pa.table({"user_id": [1, 2]})


def users(path: Path, **arguments: object) -> TableDataset:
    return TableDataset(filepath=str(path), table_name="users", connection=CONNECTION, **arguments)


def count_rows(table: ibis.Table | None) -> int:
    return -1 if table is None else table.count().to_pyarrow().as_py()


def test_a_table_is_written_and_read(tmp_path: Path):
    dataset = users(tmp_path / "folder" / "users.parquet", optional=True)
    dataset.save(ibis.memtable(ROWS))
    assert dataset.exists()
    assert dataset.load().to_pyarrow().equals(ROWS)


def test_a_remote_table_is_left_to_the_engine(monkeypatch: pytest.MonkeyPatch):
    written = []
    remote = users("s3://shop/users.parquet")
    engine = type(remote.connection)
    monkeypatch.setattr(engine, "to_parquet", lambda _, table, path: written.append(path))
    remote.save(ibis.memtable(ROWS))
    assert written == ["s3://shop/users.parquet"]


def test_an_optional_table_without_a_file_is_none_and_named(tmp_path: Path, caplog):
    caplog.set_level(logging.INFO, logger="push_propensity")
    assert users(tmp_path / "users.parquet", optional=True).load() is None
    [line] = [r.getMessage() for r in caplog.records if r.name.startswith("push_propensity")]
    assert "users" in line
    assert str(tmp_path) not in line


def test_a_required_table_without_a_file_is_an_error(tmp_path: Path):
    with pytest.raises(DatasetError) as caught:
        users(tmp_path / "users.parquet").load()
    assert "there is no such file" in str(explain_read_error(caught.value))


def test_an_optional_table_that_cannot_be_read_is_an_error(tmp_path: Path):
    path = tmp_path / "users.parquet"
    path.write_bytes(b"not parquet at all, but long enough")
    with pytest.raises(DatasetError) as caught:
        users(path, optional=True).load()
    explained = explain_read_error(caught.value)
    assert isinstance(explained, DataError)
    assert "not a complete Parquet file" in str(explained)


def test_a_pattern_stands_for_several_files(tmp_path: Path):
    dataset = users(tmp_path / "part-*.parquet", optional=True)
    assert not dataset.exists()
    assert dataset.load() is None
    for part in range(2):
        pq.write_table(ROWS, tmp_path / f"part-{part}.parquet")
    assert dataset.exists()
    assert count_rows(dataset.load()) == 4


@pytest.mark.parametrize(("written", "rows"), [(True, 2), (False, -1)])
def test_a_node_gets_the_table_or_none_from_the_catalog(tmp_path: Path, written: bool, rows: int):
    if written:
        pq.write_table(ROWS, tmp_path / "users.parquet")
    entry = {
        "type": "push_propensity.datasets.table_dataset.TableDataset",
        "filepath": str(tmp_path / "users.parquet"),
        "table_name": "users",
        "connection": CONNECTION,
        "optional": True,
    }
    catalog = DataCatalog.from_config({"users": entry})
    pipeline = Pipeline([Node(count_rows, "users", "rows")])
    assert SequentialRunner().run(pipeline, catalog)["rows"].load() == rows


def test_a_taken_over_table_leaves_when_the_last_node_has_read_it():
    dataset = TakenOverTableDataset(
        table_name="taken_over", connection=CONNECTION, save_args={"materialized": "table"}
    )
    dataset.save(ibis.memtable(ROWS))
    assert count_rows(dataset.load()) == 2
    dataset.release()
    assert not dataset.exists()
    dataset.release()  # of what is gone does no harm


def test_other_errors_while_saving_stay_as_they_are(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetError) as caught:
        users(tmp_path / "file" / "users.parquet").save(ibis.memtable(ROWS))
    assert explain_read_error(caught.value) is None


def test_too_little_room_says_what_to_raise(tmp_path: Path):
    small = CONNECTION | {"memory_limit": "2MB", "max_temp_directory_size": "1KB", "threads": 1}
    dataset = TableDataset(
        filepath=str(tmp_path / "users.parquet"), table_name="users", connection=small
    )
    wide = ibis.range(2_000_000).unnest().name("user_id").as_table()
    with pytest.raises(DatasetError) as caught:
        dataset.save(wide.mutate(key=wide.user_id.cast("string").hexdigest("md5")).order_by("key"))
    explained = explain_read_error(caught.value)
    assert isinstance(explained, EngineError)
    assert isinstance(explained.__cause__, duckdb.OutOfMemoryException)
    assert re.search("memory_limit.*temp_directory", str(explained))
    assert list(tmp_path.iterdir()) == []  # nothing half-written stays
