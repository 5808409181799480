"""A sample of the rows stands for all of them, and holds every row that says most."""

from datetime import date

import ibis
import pandas as pd
import pytest

from push_propensity.features import (
    FeatureOptions,
    build_feature_frame,
    find_first_whole_day,
    read_raw_tables,
)
from push_propensity.features.points import repeat_orders
from push_propensity.features.sampling import sample_rows
from push_propensity.frame.split import VALIDATION, SplitOptions, keep_large_orders, plan_split
from push_propensity.simulation import simulate_shop
from tests.simulation.small_shop import small_options

DAY = date(2020, 11, 1)
EVERYTHING = FeatureOptions()


def options(share=0.25, seed=1, popular_products=2):
    sampling = {"share": share, "popular_products": popular_products, "seed": seed}
    return FeatureOptions.model_validate({"sampling": sampling})


@pytest.fixture(scope="module")
def tables():
    shop = simulate_shop(small_options(catalogue={"products": 80}))._asdict()
    return {name: ibis.memtable(rows) for name, rows in shop.items()}


@pytest.fixture(scope="module")
def build(tables):
    """Build the frame, sampled before a day or not at all."""

    def frame(chosen, sampled_before=DAY):
        raw = read_raw_tables(chosen, **tables)
        return build_feature_frame(raw, chosen, sampled_before).to_pandas()

    return frame


@pytest.fixture(scope="module")
def whole(build):
    return build(EVERYTHING, None)


@pytest.fixture(scope="module")
def sampled(build):
    return build(options())


def keys(frame):
    return set(zip(frame["order_id"], frame["variant_id"], strict=True))


def early(frame):
    return frame[frame["created_at"] < pd.Timestamp(DAY)]


def popular(frame, number):
    """The keys of the most popular products of each order's day."""
    ranked = frame.sort_values(["global_popularity", "variant_id"], ascending=[False, True])
    return keys(ranked.groupby("order_id").head(number))


def test_it_is_smaller_and_its_rows_are_those_of_the_whole_frame(whole, sampled):
    assert len(early(sampled)) < 0.6 * len(early(whole))
    both = whole.merge(sampled[["order_id", "variant_id"]], on=["order_id", "variant_id"])
    pd.testing.assert_frame_equal(sampled.drop(columns="sampling_weight"), both)


def test_late_orders_are_complete(whole, sampled):
    late = sampled[sampled["created_at"] >= pd.Timestamp(DAY)]
    assert keys(late) == keys(whole) - keys(early(whole))
    assert set(late["sampling_weight"]) == {1.0}


@pytest.mark.parametrize("flag", ["outcome", "ordered_before"])
def test_purchases_and_past_products_are_all_there_with_weight_1(whole, sampled, flag):
    found = sampled[sampled[flag] == 1]
    assert keys(found) == keys(whole[whole[flag] == 1])
    assert set(found["sampling_weight"]) == {1.0}


def test_popular_products_are_there_with_weight_1(whole, build):
    # Only of days with sales before them, which is every day of these months.
    frame = build(options(popular_products=3))
    weights = frame.set_index(["order_id", "variant_id"])["sampling_weight"]
    late_enough = whole[whole["created_at"].between("2020-08-01", str(DAY))]
    top = popular(late_enough, 1)
    assert top <= keys(frame)
    assert set(weights.loc[list(top)]) == {1.0}


def test_drawn_rows_weigh_what_they_stand_for(sampled):
    drawn = early(sampled)[early(sampled)["sampling_weight"] != 1]
    assert set(drawn["sampling_weight"]) == {4.0}
    assert (drawn["outcome"] == 0).all()
    assert (drawn["ordered_before"] == 0).all()


@pytest.mark.slow
def test_the_same_seed_draws_the_same_rows_and_another_one_others(build, sampled):
    pd.testing.assert_frame_equal(build(options()), sampled)
    other = build(options(seed=2))
    drawn, drawn_again = (keys(f[f["sampling_weight"] > 1]) for f in (sampled, other))
    shared = len(drawn & drawn_again) / len(drawn)
    assert 0.15 < shared < 0.35  # by chance a quarter


@pytest.mark.slow
def test_weights_estimate_the_whole_without_bias(tables, whole):
    """Horvitz and Thompson: weighted sums are those of the whole frame, on average over draws."""
    before = early(whole)
    true = {"rows": len(before), "popularity": before["global_popularity"].sum()}
    raw = read_raw_tables(EVERYTHING, **tables)
    points = repeat_orders(raw)
    popularity = before[["order_id", "variant_id", "global_popularity"]]
    estimates = []
    for seed in range(8):
        drawn = sample_rows(raw, points, options(seed=seed, popular_products=0), DAY)
        weights = drawn.select("order_id", "variant_id", "sampling_weight").to_pandas()
        rows = weights.merge(popularity, on=["order_id", "variant_id"])
        weight = rows["sampling_weight"]
        popular = (weight * rows["global_popularity"]).sum()
        estimates.append({"rows": weight.sum(), "popularity": popular})
    found = pd.DataFrame(estimates)
    error = found.sem()
    assert ((found.mean() - pd.Series(true)).abs() < 3 * error).all()
    assert (error < 0.05 * pd.Series(true)).all()


def test_every_row_without_a_share(build, whole):
    frame = build(options(share=1.0))
    assert keys(frame) == keys(whole)
    assert set(frame["sampling_weight"]) == {1.0}


def test_rows_are_whole_from_the_first_day_of_validation(tables, whole):
    split = SplitOptions()
    days = plan_split(keep_large_orders(whole, split.minimum_items), split)
    first = days.loc[days["part"] == VALIDATION, "day"].min().date()
    raw = read_raw_tables(options(), **tables)
    assert find_first_whole_day(raw, options(), split) == first
    assert find_first_whole_day(raw, EVERYTHING, split) is None
