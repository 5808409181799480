"""The shipped sample is exactly what the pipelines make of the parameters."""

import json
import re
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from benchmarks.published_frame.compare import compare_with_published, read_frame, to_markdown
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from pandas.testing import assert_frame_equal

from push_propensity.features import FeatureOptions
from push_propensity.frame.columns import COLUMNS
from push_propensity.frame.split import SplitOptions
from push_propensity.pipelines import feature_engineering, sample_data, sample_frame
from push_propensity.settings import CONFIG_LOADER_ARGS
from push_propensity.simulation import SimulationOptions

PROJECT = Path(__file__).parents[2]
SHIPPED = PROJECT / "data" / "01_raw"
FRAME = "feature_frame_20210304.csv"
RAW = ("orders", "users", "inventory", "regulars", "abandoned_carts")
FIRST_ORDER_DATE = "2020-10-05"


def catalog_in(folder: Path, environment: str) -> DataCatalog:
    """The project's catalog with every path moved into the folder."""
    settings = CONFIG_LOADER_ARGS | {"default_run_env": environment}
    loader = OmegaConfigLoader(str(PROJECT / "conf"), environment, **settings)
    moved = json.loads(json.dumps(dict(loader["catalog"])).replace('"data/', f'"{folder}/data/'))
    catalog = DataCatalog.from_config(moved)
    parameters = loader["parameters"]
    features = parameters["feature_options"] | {"first_order_date": FIRST_ORDER_DATE}
    catalog["params:simulation"] = MemoryDataset(SimulationOptions(**parameters["simulation"]))
    catalog["params:feature_options"] = MemoryDataset(FeatureOptions(**features))
    catalog["params:split"] = MemoryDataset(SplitOptions(**parameters["split"]))
    return catalog


def run_all(catalog: DataCatalog) -> None:
    for package in (sample_data, feature_engineering, sample_frame):
        SequentialRunner().run(package.create_pipeline(), catalog)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    run_all(catalog_in(folder, "base"))
    return folder / "data" / "01_raw"


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    return pd.read_csv(SHIPPED / FRAME, parse_dates=["created_at", "order_date"])


@pytest.mark.parametrize("name", RAW)
def test_shipped_raw_tables_are_the_simulated_ones(made, name):
    shipped, again = (folder / f"{name}.parquet" for folder in (SHIPPED, made))
    writer = pq.read_metadata(shipped).created_by
    if writer == pq.read_metadata(again).created_by:
        assert shipped.read_bytes() == again.read_bytes()
    else:  # Another version of the writer: the same tables in other bytes.
        assert version("pyarrow") not in writer
        assert_frame_equal(pd.read_parquet(shipped), pd.read_parquet(again))


def test_shipped_frame_is_the_built_one(made):
    assert (SHIPPED / FRAME).read_bytes() == (made / FRAME).read_bytes()


def test_shipped_files_stay_small():
    sizes = [path.stat().st_size for path in SHIPPED.iterdir() if path.is_file()]
    assert sum(sizes) < 10_000_000


def test_shipped_frame_has_the_columns_and_types_of_the_feature_frame(frame):
    assert tuple(frame.columns) == COLUMNS
    text, whole, times = (
        {"product_type", "vendor"},
        {"variant_id", "order_id", "user_id", "user_order_seq"},
        {"created_at", "order_date"},
    )
    kinds = {
        column: "str" if column in text else "int64" if column in whole else "float64"
        for column in set(COLUMNS) - times
    }
    assert {column: str(frame[column].dtype) for column in kinds} == kinds
    assert not frame.isna().any().any()
    assert not frame.duplicated(["order_id", "variant_id"]).any()


def test_shipped_frame_is_in_the_window_and_large_enough(frame):
    days = frame["order_date"]
    assert days.min() >= pd.Timestamp(FIRST_ORDER_DATE)
    assert days.max() <= pd.Timestamp("2021-03-03")
    items = frame.groupby("order_id")["outcome"].sum()
    assert (items >= 5).sum() >= 300


def test_every_part_of_the_shipped_frame_has_purchases(frame):
    """The split by day at 0.7 and 0.9 of the orders of at least 5 items."""
    items = frame.groupby("order_id")["outcome"].transform("sum")
    kept = frame[items >= 5]
    days = kept.drop_duplicates("order_id").groupby("order_date").size().cumsum()
    parts = kept["order_date"].map(days / days.iloc[-1])
    for part in (parts <= 0.7, (parts > 0.7) & (parts <= 0.9), parts > 0.9):
        assert kept.loc[part, "outcome"].sum() > 300
    test = kept[parts > 0.9].groupby("variant_id")["outcome"].sum()
    assert (test >= 5).sum() >= 20


@pytest.mark.slow
def test_full_scale_is_like_the_published_frame(tmp_path):
    """The tables of docs/simulation.md are what the command prints, every row within."""
    catalog = catalog_in(tmp_path, "simulation")
    for package in (sample_data, feature_engineering):
        SequentialRunner().run(package.create_pipeline(), catalog)
    built = tmp_path / "data" / "environments" / "simulation" / "04_feature"
    frame = read_frame(built / "feature_frame.parquet")
    documented = (PROJECT / "docs" / "simulation.md").read_text("utf-8")
    for section in ("figures", "correlations"):
        comparisons = compare_with_published(frame, section)
        assert [row.name for row in comparisons if not row.within] == []
        assert to_markdown(comparisons) in documented
    for row in compare_with_published(frame, "quality"):
        assert row.within, row.name
        [shown] = re.findall(rf"\| {row.name} \| [\d.]+ \| ([\d.]+) \|", documented)
        assert float(shown) == pytest.approx(row.simulated, abs=0.002)  # other processors round
