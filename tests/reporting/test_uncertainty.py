import numpy as np
import pytest

from push_propensity.evaluation import uncertainty
from push_propensity.evaluation.bootstrap import Resamples, interval
from push_propensity.evaluation.curves import gains
from push_propensity.evaluation.metrics import (
    HEADLINE,
    METRICS,
    ProductRanking,
    evaluate,
    product_average_precision,
)
from push_propensity.evaluation.uncertainty import GAIN
from tests.reporting.measured_shop import ENTRIES, OPTIONS


def test_all_entries_are_measured_on_the_same_resamples(results, scores):
    drawn = results["test_resamples"]
    resamples = OPTIONS.resample(scores["user_id"])
    weights = np.hstack(list(resamples.draws()))[resamples.positions(scores["user_id"])].T
    assert len(weights) == len(drawn) == OPTIONS.resamples
    for entry in ENTRIES:
        y, product = scores["outcome"], scores["variant_id"]
        expected = [product_average_precision(y, scores[entry], product, w) for w in weights]
        assert drawn[entry, "all", HEADLINE].to_numpy() == pytest.approx(expected)


def test_weights_of_one_give_the_metrics(scores):
    y, p, product = (scores[name].to_numpy() for name in ("outcome", "xgboost", "variant_id"))
    resamples = OPTIONS.resample(scores["user_id"])
    user = resamples.positions(scores["user_id"])
    measure = uncertainty.all_measures(y, p, product, user, resamples, 0.1)
    measured = measure(np.ones((len(resamples.users), 1)))
    plain = evaluate(y, p, product) | {GAIN: gains(ProductRanking.of(y, p, product, 1), [0.1])}
    for name, values in measured.items():
        assert values == pytest.approx(plain[name])


def test_test_metrics_agree_with_evaluate(results, scores):
    metrics = results["test_metrics"].set_index(["entry", "segment", "metric"])
    repeat = scores[scores["ordered_before"] > 0]
    for segment, rows in (("all", scores), ("repeat", repeat)):
        plain = evaluate(rows["outcome"], rows["logistic_l2"], rows["variant_id"])
        for name in METRICS:
            assert metrics.loc[("logistic_l2", segment, name), "value"] == pytest.approx(
                plain[name]
            )


def test_intervals_hold_their_value(results):
    sure = results["test_metrics"].dropna(subset=["low"])
    assert set(sure["metric"]) == {*METRICS, GAIN} - {"expected_calibration_error"}
    assert (sure["low"] <= sure["value"] + 1e-12).all()
    assert (sure["high"] >= sure["value"] - 1e-12).all()
    assert (sure["low"] >= 0).all()


def test_gain_is_given_for_all_rows_only(results):
    metrics = results["test_metrics"]
    assert set(metrics.loc[metrics["metric"] == GAIN, "segment"]) == {"all"}


def test_an_interval_is_centred_on_the_value():
    drawn = np.random.default_rng(0).normal(0.7, 0.1, 20_000)
    low, high = interval(drawn, 0.5, 0.95)
    assert (low, high) == pytest.approx((0.5 - 0.196, 0.5 + 0.196), abs=0.01)


def test_an_undefined_interval_is_not_a_number():
    assert np.isnan(interval([np.nan], 0.5, 0.95)).all()
    assert np.isnan(interval([0.1, 0.2], np.nan, 0.95)).all()


def measured_shops(number, generator):
    """Shops of 60 users and 4 products whose purchases follow a known score."""
    user, product = np.repeat(np.arange(60), 4), np.tile(np.arange(4), 60)
    for _ in range(number):
        score = generator.normal(size=240)
        bought = (generator.random(240) < 1 / (1 + np.exp(2 - 1.5 * score))).astype(float)
        resamples = Resamples.of(user, resamples=100, seed=1, confidence=0.95)
        measure = uncertainty.headline_measure(
            ProductRanking.of(bought, score, product), user, resamples
        )
        yield measure, resamples


def test_intervals_cover_what_windows_of_this_size_give():
    generator = np.random.default_rng(7)
    every = np.ones((60, 1))
    truth = np.mean([measure(every)[HEADLINE] for measure, _ in measured_shops(500, generator)])
    covered = 0
    for measure, resamples in measured_shops(100, generator):
        value = measure(every)[HEADLINE].item()
        low, high = resamples.interval(resamples.measure(measure)[HEADLINE], value)
        covered += low <= truth <= high
    assert covered >= 88


def test_a_difference_is_the_winner_minus_the_entry(results):
    metrics = results["test_metrics"].set_index(["entry", "segment", "metric"])["value"]
    for row in results["test_comparisons"].to_dict("records"):
        key = (row["segment"], row["metric"])
        assert row["entry"] != "xgboost"
        expected = metrics["xgboost", *key] - metrics[row["entry"], *key]
        assert row["difference"] == pytest.approx(expected)


def test_the_winner_is_better_than_the_constant_in_every_metric(results):
    table = results["test_comparisons"]
    against = table[(table["entry"] == "constant") & (table["segment"] == "all")]
    assert set(against["verdict"]) == {"better"}
