import sys
from pathlib import Path

import ibis
import pytest
from pyspark.errors import PySparkRuntimeError

from push_propensity.datasets.engines import connect
from push_propensity.errors import EngineError


def setting(connection, name):
    query = f"SELECT current_setting('{name}') AS value"
    return connection.sql(query).to_pyarrow()["value"][0].as_py()


def test_settings_reach_duckdb_and_null_leaves_its_own():
    given = connect("duckdb", database=":memory:", memory_limit="64MiB", threads=1)
    assert setting(given, "memory_limit") == "64.0 MiB"
    own = connect("duckdb", database=":memory:", memory_limit=None)
    assert setting(own, "memory_limit") == setting(ibis.duckdb.connect(), "memory_limit")


def test_each_connection_spills_to_a_folder_of_its_own_which_goes_with_it(tmp_path: Path):
    root = tmp_path / "not" / "there"
    first, second = (connect("duckdb", temp_directory=str(root)) for _ in range(2))
    folders = {Path(setting(connection, "temp_directory")) for connection in (first, second)}
    assert folders == set(root.iterdir())
    assert len(folders) == 2
    del first
    assert len(list(root.iterdir())) == 1
    del second
    assert not list(root.iterdir())


def test_other_backends_get_their_settings(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ibis.sqlite, "connect", lambda **settings: settings)
    assert connect("sqlite", database="shop.db", type_map=None) == {"database": "shop.db"}


class Unstartable:
    """What SparkSession.builder is like where there is no Java."""

    def config(self, map):  # noqa: A002
        assert map == {"spark.master": "local[1]"}
        return self

    def getOrCreate(self):  # noqa: N802
        raise PySparkRuntimeError("[JAVA_GATEWAY_EXITED] Java gateway process exited")


def test_spark_without_java_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pyspark.sql.SparkSession.builder", Unstartable())
    with pytest.raises(EngineError, match="needs Java 17"):
        connect("pyspark", **{"spark.master": "local[1]", "spark.driver.memory": None})


def test_spark_without_pyspark_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    with pytest.raises(EngineError, match=r"push-propensity\[spark\]"):
        connect("pyspark")
