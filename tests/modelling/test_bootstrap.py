import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from push_propensity.evaluation.bootstrap import Resamples, interval, judge
from push_propensity.evaluation.curves import gains, reached
from push_propensity.evaluation.metrics import ProductRanking, product_average_precision


def drawn_rows(user, resamples, seed):
    """How often each row is drawn, shape (resamples, rows)."""
    made = Resamples.of(user, resamples=resamples, seed=seed, confidence=0.95)
    return np.hstack(list(made.draws()))[made.positions(user)].T


def test_all_rows_of_a_user_are_drawn_together():
    user = np.array(["a", "b", "a", "c", "b", "a"])
    drawn = drawn_rows(user, 50, seed=3)
    assert drawn.shape == (50, 6)
    assert (drawn[:, 0] == drawn[:, 2]).all()
    assert (drawn[:, [0, 1, 3]].sum(axis=1) == 3).all()
    assert drawn.std(axis=0).min() > 0


def test_the_same_seed_draws_the_same_users():
    user = np.arange(20)
    first, again, other = (drawn_rows(user, 5, seed=s) for s in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_users_are_drawn_whole():
    # One user buys whenever shown high, the other whenever shown low: a draw of users gives one of
    # three values, a draw of rows would give many more.
    user, score = np.repeat(["a", "b"], 10), np.tile(np.linspace(1, 0.1, 10), 2)
    outcome = np.concatenate([np.arange(10) < 5, np.arange(10) >= 5]).astype(float)
    drawn = [
        product_average_precision(outcome, score, np.zeros(20), weight)
        for weight in drawn_rows(user, 50, seed=6)
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


@st.composite
def ranked_rows(draw):
    """Outcomes, scores with ties, products and users."""
    generator = np.random.default_rng(draw(st.integers(0, 10_000)))
    size = draw(st.integers(1, 80))
    outcome = (generator.random(size) < draw(st.sampled_from([0.05, 0.3, 1.0]))).astype(float)
    score = np.round(generator.random(size) + outcome / 2, draw(st.integers(0, 3)))
    product, user = (generator.integers(0, draw(st.integers(1, 6)), size) for _ in range(2))
    return outcome, score, product, user


@given(ranked_rows(), st.integers(0, 3), st.booleans())
@settings(max_examples=60, deadline=None)
def test_neighbours_counted_together_give_the_metrics_of_every_row(rows, minimum, sampled):
    outcome, score, product, user = rows
    stands_for = np.where(outcome > 0, 1.0, 2.5) if sampled else np.ones(len(user))
    made = Resamples.of(user, resamples=60, seed=2, confidence=0.9)
    ranking = ProductRanking.of(outcome, score, product, minimum)
    counted = made.ranking(ranking, made.positions(user), stands_for)
    drawn = made.measure(
        lambda drawn: {
            "average_precision": counted(drawn).average_precision(),
            "roc_auc": counted(drawn).roc_auc(),
            "gain": np.array([reached(one, [0.3])[0] for one in counted(drawn).one_by_one()]),
        }
    )
    weights = drawn_rows(user, 60, seed=2) * stands_for
    for name, plain in (
        ("average_precision", ranking.average_precision),
        ("roc_auc", ranking.roc_auc),
        ("gain", lambda weight: gains(ranking, [0.3], weight)[0]),
    ):
        expected = [plain(weight) for weight in weights]
        assert drawn[name].to_numpy() == pytest.approx(np.array(expected), nan_ok=True)


def test_values_are_summed_over_the_drawn_users():
    user, values = np.array(["a", "b", "a", "c"]), np.array([1.0, 2.0, 3.0, 4.0])
    made = Resamples.of(user, resamples=7, seed=0, confidence=0.9)
    total = made.sums(made.positions(user), values)
    drawn = made.measure(lambda drawn: {"total": total(drawn)})["total"]
    assert drawn.tolist() == (drawn_rows(user, 7, seed=0) @ values).tolist()


def test_the_interval_of_a_share_ends_at_0_and_1():
    made = Resamples.of(["a"], resamples=10, seed=0, confidence=0.95)
    drawn = np.linspace(-0.5, 0.5, 101)
    assert made.interval_of_share(drawn, 0.9) == (pytest.approx(0.425), 1.0)
    assert made.interval_of_share(drawn, 0.1) == (0.0, pytest.approx(0.575))
    assert made.interval(drawn, 0.1) == interval(drawn, 0.1, 0.95)
