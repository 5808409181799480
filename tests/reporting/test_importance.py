import numpy as np
import pytest

from push_propensity.evaluation.importance import (
    permutation_importance,
    sample_orders,
    sample_rows,
)
from push_propensity.frame.columns import FEATURE_NAMES
from tests.reporting.measured_shop import MODELS, make_frame

FRAME = make_frame(orders=80, products=12, seed=5)


@pytest.fixture(scope="module")
def table():
    return permutation_importance(
        MODELS["xgboost"], FRAME, features=FEATURE_NAMES, repeats=3, seed=0
    )


def test_what_the_model_does_not_use_costs_nothing(table):
    unused = table[table["feature"].isin(["vendor", "discount_pct", "count_pets"])]
    assert (unused["product_average_precision"] == 0).all()
    assert (unused["average_precision_deviation"] == 0).all()


def test_what_the_model_uses_costs_something(table):
    top = set(table["feature"].head(3))
    assert top == {"ordered_before", "abandoned_before", "set_as_regular"}
    assert (table["average_precision"].head(3) > 0.01).all()


def test_every_feature_is_shuffled_once_each(table):
    assert table["feature"].is_unique
    assert len(table) == 21


def test_the_frame_stays_as_it_was():
    before = FRAME.copy()
    permutation_importance(MODELS["xgboost"], FRAME, repeats=1, seed=0, features=["vendor"])
    assert FRAME.equals(before)


def test_one_repeat_has_no_deviation():
    once = permutation_importance(
        MODELS["xgboost"], FRAME, repeats=1, seed=0, features=["ordered_before"]
    )
    assert once["product_average_precision_deviation"].tolist() == [0.0]


def test_the_seed_decides_the_shuffles():
    runs = [
        permutation_importance(
            MODELS["xgboost"], FRAME, repeats=2, seed=s, features=["ordered_before"]
        )
        for s in (1, 1, 2)
    ]
    assert runs[0].equals(runs[1])
    assert not runs[0].equals(runs[2])


def test_a_sample_keeps_whole_orders():
    sample = sample_orders(FRAME, 10, seed=0)
    assert sample["order_id"].nunique() == 10
    assert (sample.groupby("order_id").size() == 12).all()
    assert np.array_equal(sample.index, np.sort(sample.index))
    assert sample_orders(FRAME, 80, seed=0).equals(FRAME)


def test_a_sample_keeps_all_purchases_and_says_what_the_others_stand_for():
    rows, weight = sample_rows(FRAME, 500, seed=0)
    assert len(FRAME) == 960
    assert rows["outcome"].sum() == FRAME["outcome"].sum()
    assert 440 < len(rows) < 560
    assert (weight[rows["outcome"] == 1] == 1).all()
    assert weight.sum() == pytest.approx(len(FRAME), rel=0.1)
    again, _ = sample_rows(FRAME, 500, seed=0)
    assert again.equals(rows)


def test_all_rows_are_kept_where_they_are_few_or_all_purchases():
    for rows in (960, int(FRAME["outcome"].sum())):
        kept, weight = sample_rows(FRAME, rows, seed=0)
        assert kept is FRAME
        assert weight is None


def test_a_sample_gives_about_the_drops_of_all_rows(table):
    rows, weight = sample_rows(FRAME, 600, seed=1)
    features = ["ordered_before", "abandoned_before"]
    given = {"features": features, "repeats": 5, "seed": 0}
    drops = permutation_importance(MODELS["xgboost"], rows, weight=weight, **given)
    for metric in ("product_average_precision", "average_precision"):
        sampled = drops.set_index("feature")[metric]
        whole = table.set_index("feature")[metric][sampled.index]
        assert sampled.to_numpy() == pytest.approx(whole.to_numpy(), abs=0.05)
