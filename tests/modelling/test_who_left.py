"""Customers who left longer ago than training saw, in the shipped sample."""

from pathlib import Path

import ibis
import pandas as pd
import pytest
from kedro.config import OmegaConfigLoader

from push_propensity.evaluation.current import rank_who_left
from push_propensity.features import (
    CurrentOptions,
    FeatureOptions,
    build_current_frame,
    read_raw_tables,
)
from push_propensity.frame.columns import DAYS_SINCE_PURCHASE
from push_propensity.frame.contract import check_feature_frame
from push_propensity.frame.split import SplitOptions, keep_large_orders, plan_split, split_orders
from push_propensity.models.candidates import Candidates
from push_propensity.models.purchase_model import calibrate
from push_propensity.settings import CONFIG_LOADER_ARGS
from tests.modelling.entries import CANDIDATE_NAMES, fit

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "data" / "01_raw"
RAW = ("orders", "users", "inventory", "regulars", "abandoned_carts")


@pytest.fixture(scope="module")
def parameters():
    settings = CONFIG_LOADER_ARGS | {"default_run_env": "base"}
    return OmegaConfigLoader(str(ROOT / "conf"), "base", **settings)["parameters"]


@pytest.fixture(scope="module")
def today(parameters) -> pd.DataFrame:
    options = FeatureOptions(**parameters["feature_options"])
    engine = ibis.duckdb.connect()
    tables = {name: engine.read_parquet(SHIPPED / f"{name}.parquet") for name in RAW}
    return build_current_frame(
        read_raw_tables(options, **tables), options, CurrentOptions(**parameters["current"])
    ).to_pandas()


@pytest.fixture(scope="module")
def sample(parameters):
    path = SHIPPED / "feature_frame_20210304.csv"
    frame = pd.read_csv(path, parse_dates=["created_at", "order_date"])
    options = SplitOptions(**parameters["split"])
    kept = keep_large_orders(check_feature_frame(frame), options.minimum_items)
    return split_orders(kept, plan_split(kept, options))


@pytest.mark.slow
@pytest.mark.parametrize("name", CANDIDATE_NAMES)
def test_hold_no_more_of_the_likeliest_than_their_share_of_pairs(parameters, today, sample, name):
    candidate = Candidates(**parameters["candidates"])[name]
    learned = pd.concat([sample.train, sample.validation], ignore_index=True)
    model = calibrate(fit(learned, candidate), sample.calibration, candidate)
    [row] = rank_who_left(today, model=model).to_dict("records")
    assert row["longest"] == sample.train[DAYS_SINCE_PURCHASE].max() == 203
    assert row["left"] > 0.009
    assert row["left_of_top"] <= row["left"]
