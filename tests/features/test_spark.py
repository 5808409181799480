"""The same nodes on a real local Spark give the frames that DuckDB gives."""

import os
import re
import shutil

import pandas as pd
import pyarrow.parquet as pq
import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner

from push_propensity.datasets.table_dataset import TableDataset
from push_propensity.errors import DataError
from push_propensity.features import (
    CurrentOptions,
    FeatureOptions,
    build_current_frame,
    build_feature_frame,
    extend_feature_frame,
    read_raw_tables,
)
from push_propensity.features.point_in_time.check import PointInTimeOptions, check_point_in_time
from push_propensity.features.points import repeat_orders
from push_propensity.features.sampling import drawn_rows
from push_propensity.frame.columns import EXTENDED_GROUPS
from push_propensity.frame.split import SplitOptions
from push_propensity.ingestion.read_errors import explain_read_error
from push_propensity.pipelines.feature_engineering import create_pipeline
from push_propensity.settings import CONFIG_LOADER_ARGS
from tests.features.test_feature_engineering import CONF, RAW, config
from tests.features.tiny_shop import at, raw_tables
from tests.simulation.small_shop import small_tables

pytestmark = [
    pytest.mark.slow,
    pytest.mark.spark,
    pytest.mark.skipif(
        shutil.which("java") is None and "JAVA_HOME" not in os.environ, reason="there is no Java"
    ),
    pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning"),  # of pyspark and ibis
]

ALL_GROUPS = FeatureOptions.model_validate({"extended": {"groups": tuple(EXTENDED_GROUPS)}})
ORDER = ["created_at", "order_id", "variant_id"]
# Tables are small here and plans large: compiling them would take longer than running them.
FAST = {
    "spark.master": "local[2]",
    "spark.driver.memory": "1g",
    "spark.sql.shuffle.partitions": 2,
    "spark.sql.adaptive.enabled": False,
    "spark.sql.codegen.wholeStage": False,
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
FAST_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@pytest.fixture(scope="module")
def spark():
    """The connection of engine=spark; its session ends with the tests of this module."""
    given = engine_settings("spark")
    java = "spark.driver.extraJavaOptions"
    connection = given | FAST | {java: f"{given[java]} {FAST_JAVA}"}
    dataset = TableDataset(filepath="any.parquet", connection=connection)
    yield connection
    dataset.connection.disconnect()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """The tiny shop's files, without a table of prices."""
    folder = tmp_path_factory.mktemp("tiny")
    for name, shop_table in raw_tables().items():
        pq.write_table(shop_table.to_pyarrow(), folder / f"{name}.parquet")
    return folder


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """The files of a small simulated shop whose ids are numbers and whose prices once rose."""
    folder = tmp_path_factory.mktemp("simulated")
    shop = small_tables()
    before = shop["inventory"][["variant_id", "price"]]
    times = pd.to_datetime(["2020-05-01 00:00", "2020-10-01 12:00"]).astype("datetime64[us]")
    shop["prices"] = pd.concat(
        [
            before.assign(created_at=times[0], price=before["price"] * 0.75),
            before.assign(created_at=times[1]),
        ]
    )
    for name, shop_table in shop.items():
        shop_table.to_parquet(folder / f"{name}.parquet", index=False)
    return folder


def engine_settings(engine):
    """The settings that a run with --params engine=… gives to its entries."""
    loader = OmegaConfigLoader(
        str(CONF), "base", runtime_params={"engine": engine}, **CONFIG_LOADER_ARGS
    )
    return loader["catalog"]["orders"]["connection"]


def entries(engine, folder, connection=None):
    """The entries of an engine, with a shop's files and, if given, another connection."""
    catalog = config("base")["catalog"]
    files = {name: folder / f"{name}.parquet" for name in RAW}
    files |= {"feature_frame@ibis": folder / f"frame_of_{engine}"}
    found = {name: catalog[name] | {"filepath": str(path)} for name, path in files.items()}
    if connection:
        found = {name: entry | {"connection": connection} for name, entry in found.items()}
    return found


def run(engine, folder, options, connection=None):
    """The frame that `feature_engineering` writes on an engine, read with pandas."""
    catalog = DataCatalog.from_config(entries(engine, folder, connection))
    catalog["params:feature_options"] = options
    catalog["params:split"] = SplitOptions()
    SequentialRunner().run(create_pipeline(), catalog)
    frame = pd.read_parquet(folder / f"frame_of_{engine}")
    return frame.sort_values(ORDER, ignore_index=True)


def load(engine, folder, connection=None):
    """The raw tables of a shop by the entries of an engine."""
    catalog = DataCatalog.from_config(entries(engine, folder, connection))
    return {name: catalog.load(name) for name in RAW}


def assert_equal(spark_frame, duckdb_frame):
    assert len(duckdb_frame) > 0
    pd.testing.assert_frame_equal(spark_frame, duckdb_frame, check_exact=True)


@pytest.mark.parametrize(
    ("shop", "options"), [("tiny", FeatureOptions()), ("simulated", ALL_GROUPS)]
)
def test_the_environment_builds_the_same_frame(spark, shop, options, request):
    folder = request.getfixturevalue(shop)
    assert_equal(run("spark", folder, options, spark), run("duckdb", folder, options))
    assert any((folder / "frame_of_spark").glob("part-*.parquet"))


def test_optional_tables_may_be_absent(spark, tiny, tmp_path):
    for name in ("orders", "inventory"):
        shutil.copy(tiny / f"{name}.parquet", tmp_path)
    on_spark = run("spark", tmp_path, FeatureOptions(), spark)
    assert_equal(on_spark, run("duckdb", tmp_path, FeatureOptions()))


def test_the_same_rows_are_drawn(spark, simulated):
    options = FeatureOptions.model_validate({"sampling": {"share": 0.25, "popular_products": 3}})
    raw = {
        engine: read_raw_tables(options, **load(engine, simulated, connection))
        for engine, connection in (("duckdb", None), ("spark", spark))
    }
    drawn = {
        engine: drawn_rows(tables, repeat_orders(tables), options)
        .select("order_id", "variant_id")
        .to_pandas()
        .sort_values(["order_id", "variant_id"], ignore_index=True)
        for engine, tables in raw.items()
    }
    assert_equal(drawn["spark"], drawn["duckdb"])


def test_the_engine_of_a_run_is_one_word(spark):
    assert engine_settings("duckdb")["backend"] == "duckdb"
    assert {"backend": "pyspark", "spark.sql.timestampType": "TIMESTAMP_NTZ"}.items() <= (
        engine_settings("spark").items()
    )
    log = re.search(r"log4j2.configurationFile=(\S+)", spark["spark.driver.extraJavaOptions"])[1]
    assert (CONF.parent / log).is_file()


@pytest.mark.parametrize("owner", ["duckdb", "spark"])
def test_a_table_is_written_by_its_own_engine_and_read_by_the_entry_s(spark, tmp_path, owner):
    rows = pd.DataFrame({"user_id": [1, 2]})
    rows.to_parquet(tmp_path / "rows.parquet")
    engines = {"duckdb": engine_settings("duckdb"), "spark": spark}

    def dataset(name, engine):
        path = str(tmp_path / f"{name}.parquet")
        return TableDataset(filepath=path, table_name=name, connection=engines[engine])

    made = dataset("rows", owner).load()
    [other] = engines.keys() - {owner}
    for reader in (other, owner, other):  # one writes a file, the other one a folder
        dataset("orders", reader).save(made)
        assert sorted(dataset("orders", reader).load().to_pandas()["user_id"]) == [1, 2]
        dataset("orders", reader).save(dataset("rows", reader).load())
    assert sorted(pd.read_parquet(tmp_path / "orders.parquet")["user_id"]) == [1, 2]


def test_the_check_of_the_past_finds_nothing(spark, simulated):
    checks = PointInTimeOptions(cutoffs=1, orders=3, seed=3)
    options = FeatureOptions.model_validate({"extended": {"groups": ("intent",)}})
    found = check_point_in_time(options, checks, **load("spark", simulated, spark))
    assert set(found["different_rows"]) == {0}
    assert found["rows"].max() > 30


def test_the_current_frame_is_the_same(spark, tiny):
    def build(tables):
        raw = read_raw_tables(FeatureOptions(), **tables)
        current = CurrentOptions(as_of=at("02-05 10:00"), active_days=40)
        frame = build_current_frame(raw, FeatureOptions(), current).to_pandas()
        in_order = frame.sort_values(["variant_id", "user_id"], ignore_index=True)
        return in_order.astype({"created_at": "datetime64[us]"})

    assert_equal(build(load("spark", tiny, spark)), build(load("duckdb", tiny)))


def test_later_orders_are_added_to_the_frame_that_is_there(spark, tiny, tmp_path):
    options = FeatureOptions()
    whole = build_feature_frame(read_raw_tables(options, **load("duckdb", tiny)), options)
    folder = tmp_path / "frame"
    folder.mkdir()
    earlier = whole.filter(whole.created_at <= at("02-03 10:00")).to_pyarrow()
    pq.write_table(earlier, folder / "part-0.parquet")
    frame = TableDataset(filepath=str(folder), connection=spark, table_name="frame")
    on_spark = read_raw_tables(options, **load("spark", tiny, spark))
    frame.save(extend_feature_frame(on_spark, frame.load(), options))
    extended = pd.read_parquet(folder).sort_values(ORDER, ignore_index=True)
    assert len(extended) > earlier.num_rows
    assert_equal(extended, whole.to_pyarrow().to_pandas())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "no such file"),
        (b"not parquet at all, but long enough", "not a complete Parquet file"),
    ],
)
def test_a_file_that_spark_cannot_read_is_explained(spark, tmp_path, content, reason):
    path = tmp_path / "orders.parquet"
    if content is not None:
        path.write_bytes(content)
    dataset = TableDataset(filepath=str(path), table_name="orders", connection=spark)
    with pytest.raises(Exception, match="orders") as caught:
        dataset.load()
    explained = explain_read_error(caught.value)
    assert isinstance(explained, DataError)
    assert reason in str(explained)
    assert str(path) in str(explained)
