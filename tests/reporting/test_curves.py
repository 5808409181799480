import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from push_propensity.evaluation import curves
from push_propensity.evaluation.metrics import ProductRanking

FINE = 4001
RECALL = (np.arange(FINE) + 0.5) / FINE
RATE = np.linspace(0, 1, FINE)


@st.composite
def rows(draw):
    """Outcomes, scores with ties and products, each product bought at least once."""
    seed = draw(st.integers(0, 10_000))
    generator = np.random.default_rng(seed)
    size = draw(st.integers(10, 120))
    product = generator.integers(0, draw(st.integers(1, 5)), size)
    outcome = (generator.random(size) < 0.3).astype(float)
    outcome[np.unique(product, return_index=True)[1]] = 1.0
    score = np.round(generator.random(size) + outcome / 2, draw(st.integers(0, 3)))
    return outcome, score, product


def test_gains_of_a_hand_worked_example():
    # Product a: 4 rows, the 1st and 3rd bought; product b: 2 rows, the 2nd bought.
    ranking = ProductRanking.of([1, 0, 1, 0, 0, 1], [4, 3, 2, 1, 2, 1], list("aaaabb"), 1)
    assert curves.gains(ranking, [0, 0.25, 0.5, 0.75, 1]) == pytest.approx(
        [0, 1 / 3, 1 / 3, 2.5 / 3, 1]
    )


def test_equal_scores_are_reached_in_proportion():
    ranking = ProductRanking.of([1, 0, 0, 1, 0], np.zeros(5), np.zeros(5), 1)
    assert curves.gains(ranking, [0.1, 0.4, 0.9]) == pytest.approx([0.1, 0.4, 0.9])


@given(rows())
@settings(max_examples=40, deadline=None)
def test_gains_rise_from_nothing_to_everything(data):
    reached = curves.gains(ProductRanking.of(*data, 1), np.linspace(0, 1, 21))
    assert reached[0] == 0
    assert reached[-1] == 1
    assert (np.diff(reached) >= -1e-12).all()


@given(rows(), st.integers(0, 100))
@settings(max_examples=40, deadline=None)
def test_a_weight_of_two_is_a_row_twice(data, seed):
    outcome, score, product = data
    weight = np.random.default_rng(seed).integers(1, 3, len(outcome))
    twice = (np.repeat(values, weight) for values in data)
    share = np.linspace(0, 1, 11)
    weighted = curves.gains(ProductRanking.of(outcome, score, product, 1), share, weight)
    assert weighted == pytest.approx(curves.gains(ProductRanking.of(*twice, 1), share))


@given(rows())
@settings(max_examples=40, deadline=None)
def test_areas_within_product_are_the_metrics(data):
    ranking = ProductRanking.of(*data, 1)
    area = curves.precision_recall(ranking, RECALL).mean()
    assert area == pytest.approx(ranking.average_precision(), abs=2e-3)
    everyone_bought = [data[0][data[2] == p].all() for p in np.unique(data[2])]
    if not any(everyone_bought):
        area = np.trapezoid(curves.roc(ranking, RATE), RATE)
        assert area == pytest.approx(ranking.roc_auc(), abs=2e-3)


@given(rows())
@settings(max_examples=40, deadline=None)
def test_pooled_areas_agree_with_scikit_learn(data):
    outcome, score, _ = data
    if outcome.all():
        return
    pooled = ProductRanking.pooled(outcome, score)
    assert curves.precision_recall(pooled, RECALL).mean() == pytest.approx(
        average_precision_score(outcome, score), abs=2e-3
    )
    assert np.trapezoid(curves.roc(pooled, RATE), RATE) == pytest.approx(
        roc_auc_score(outcome, score), abs=2e-3
    )


def test_without_a_purchase_the_curves_are_undefined():
    none = ProductRanking.of([0.0, 0.0], [0.1, 0.2], [1, 1], 1)
    for curve in (curves.gains, curves.roc, curves.precision_recall):
        assert np.isnan(curve(none, [0.5])).all()


def test_calibration_bins_hold_equally_many_expected_purchases():
    generator = np.random.default_rng(0)
    probability = generator.beta(0.2, 8, 50_000)
    outcome = (generator.random(50_000) < probability).astype(float)
    points = curves.calibration(outcome, probability, 10)
    expected = points["predicted"] * points["rows"]
    assert expected.to_numpy() == pytest.approx(probability.sum() / 10, rel=0.02)
    assert points["rows"].sum() == 50_000
    assert (points["predicted"].diff().dropna() > 0).all()
    inside = points["predicted"].between(points["low"], points["high"])
    assert inside.sum() >= 8


def test_equal_probabilities_share_a_calibration_bin():
    points = curves.calibration([1, 0, 0, 1], np.full(4, 0.25), 10)
    assert points[["predicted", "observed", "rows"]].to_numpy().tolist() == [[0.25, 0.5, 4]]


def test_wilson_interval_of_a_textbook_example():
    low, high = curves.wilson_interval([0.0, 0.5], [10, 10])
    assert low == pytest.approx([0.0, 0.2366], abs=1e-3)
    assert high == pytest.approx([0.2775, 0.7634], abs=1e-3)


def test_traced_curves_are_complete_and_thin(results):
    traced = results["test_curves"]
    assert set(traced["curve"]) == {
        "gains",
        "roc",
        "product_roc",
        "precision_recall",
        "product_precision_recall",
        "calibration",
    }
    sizes = traced.groupby(["entry", "curve"]).size()
    assert (sizes.drop("calibration", level="curve") == 51).all()
    assert (sizes.xs("calibration", level="curve") <= 10).all()
    assert traced[["x", "y"]].notna().all(axis=None)
