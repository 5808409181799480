import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from push_propensity.evaluation.bootstrap import interval, judge, user_weights
from push_propensity.evaluation.metrics import product_average_precision


def test_all_rows_of_a_user_are_drawn_together():
    user = np.array(["a", "b", "a", "c", "b", "a"])
    drawn = np.array(list(user_weights(user, 50, seed=3)))
    assert drawn.shape == (50, 6)
    assert (drawn[:, 0] == drawn[:, 2]).all()
    assert (drawn[:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert drawn.std(axis=0).min() > 0


def test_the_same_seed_draws_the_same_users():
    user = np.arange(20)
    first, again, other = (np.array(list(user_weights(user, 5, seed=s))) for s in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_users_are_drawn_whole():
    # One user buys whenever shown high, the other whenever shown low: a draw of users gives one of
    # three values, a draw of rows would give many more.
    user, score = np.repeat(["a", "b"], 10), np.tile(np.linspace(1, 0.1, 10), 2)
    outcome = np.concatenate([np.arange(10) < 5, np.arange(10) >= 5]).astype(float)
    drawn = [
        product_average_precision(outcome, score, np.zeros(20), weight)
        for weight in user_weights(user, 50, seed=6)
    ]
    alone = [
        average_precision_score(outcome[rows], score[rows]) for rows in (user == "a", user == "b")
    ]
    expected = [*alone, average_precision_score(outcome, score)]
    assert sorted(set(np.round(drawn, 9))) == pytest.approx(sorted(expected))


def test_the_interval_lies_around_the_value():
    low, high = interval(np.random.default_rng(0).normal(0.7, 0.1, 20_000), 0.5, 0.95)
    assert (low, high) == pytest.approx((0.5 - 0.196, 0.5 + 0.196), abs=0.005)


@pytest.mark.parametrize(("drawn", "value"), [([], 0.5), ([np.nan], 0.5), ([0.4], np.nan)])
def test_no_interval_of_what_is_not_defined(drawn, value):
    assert np.isnan(interval(drawn, value, 0.95)).all()


@pytest.mark.parametrize(
    ("low", "high", "lower_is_better", "verdict"),
    [
        (0.01, 0.02, False, "better"),
        (-0.02, -0.01, False, "worse"),
        (-0.01, 0.01, False, "noise"),
        (0.0, 0.01, False, "noise"),
        (-0.02, -0.01, True, "better"),
        (0.01, 0.02, True, "worse"),
        (np.nan, np.nan, False, "noise"),
    ],
)
def test_a_verdict_needs_an_interval_without_zero(low, high, lower_is_better, verdict):
    assert judge(low, high, lower_is_better=lower_is_better) == verdict
