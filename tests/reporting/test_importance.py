import numpy as np
import pytest

from push_propensity.evaluation.importance import permutation_importance, sample_orders
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
