import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from push_propensity.evaluation.metrics import (
    HEADLINE,
    METRICS,
    ProductRanking,
    evaluate,
    evaluate_segments,
    expected_calibration_error,
    product_average_precision,
)
from push_propensity.frame.weights import row_weights
from tests.conftest import sample_rows


def reference(outcome, score, product, metric, minimum, weight=None):
    """The definition, word for word: scikit-learn per product, weighted by its purchases."""
    weight = np.ones(len(outcome)) if weight is None else weight
    values, purchases = [], []
    for name in dict.fromkeys(product):
        rows = product == name
        y, w = outcome[rows], weight[rows]
        bought = (w * y).sum()
        if y.sum() < minimum or bought == 0:
            continue
        if metric is roc_auc_score and bought == w.sum():
            continue
        values.append(metric(y, score[rows], sample_weight=w))
        purchases.append(bought)
    return np.average(values, weights=purchases) if values else np.nan


@st.composite
def ranked_rows(draw):
    """Rows of a few products with many equal scores."""
    rows = draw(st.integers(1, 60))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    outcome = (rng.random(rows) < draw(st.floats(0, 1))).astype(float)
    score = rng.integers(0, draw(st.integers(1, 30)), rows) / 30
    product = rng.integers(0, draw(st.integers(1, 5)), rows)
    weight = rng.integers(0, 4, rows).astype(float)
    return outcome, score, product, weight, draw(st.integers(1, 5))


class TestProductAveragePrecision:
    def test_hand_worked(self):
        # Product 7: bought at ranks 1 and 3 of 4: 1/2 (1 + 2/3) = 5/6; two purchases.
        # Product 8: bought at rank 2 of 2: 1/2; one purchase. Product 9: nobody bought it.
        product = np.array([7, 8, 7, 9, 7, 8, 7])
        score = np.array([0.9, 0.8, 0.5, 0.7, 0.4, 0.3, 0.1])
        outcome = np.array([1, 0, 0, 0, 1, 1, 0])
        expected = (2 * 5 / 6 + 1 * 1 / 2) / 3
        found = product_average_precision(outcome, score, product, minimum_purchases=1)
        assert found == pytest.approx(expected, abs=1e-12)
        with_two = product_average_precision(outcome, score, product, minimum_purchases=2)
        assert with_two == pytest.approx(5 / 6, abs=1e-12)

    def test_equal_scores_are_one_step(self):
        # Both rows of score 0.5 come at once: half of what is shown was bought.
        found = product_average_precision([1, 0, 0], [0.5, 0.5, 0.1], [1, 1, 1], None, 1)
        assert found == pytest.approx(0.5)
        assert product_average_precision([0, 1, 0], [0.5, 0.5, 0.1], [1, 1, 1], None, 1) == found

    @given(ranked_rows())
    @settings(max_examples=150, deadline=None)
    def test_as_scikit_learn_per_product(self, rows):
        outcome, score, product, weight, minimum = rows
        ranking = ProductRanking.of(outcome, score, product, minimum)
        for given_weight in (None, weight):
            expected = reference(
                outcome, score, product, average_precision_score, minimum, given_weight
            )
            found = ranking.average_precision(given_weight)
            assert found == pytest.approx(expected, abs=1e-9, nan_ok=True)

    @given(ranked_rows())
    @settings(max_examples=50, deadline=None)
    def test_a_weight_is_as_many_rows(self, rows):
        outcome, score, product, weight, _ = rows
        ranking = ProductRanking.of(outcome, score, product, 1)
        times = weight.astype(int)
        repeated = [np.repeat(values, times) for values in (outcome, score, product)]
        again = ProductRanking.of(*repeated, 1)
        for metric in ("average_precision", "roc_auc"):
            found = getattr(ranking, metric)(weight)
            assert found == pytest.approx(getattr(again, metric)(), abs=1e-9, nan_ok=True)

    @given(ranked_rows(), st.integers(0, 2**32 - 1))
    @settings(max_examples=50, deadline=None)
    def test_neither_order_of_rows_nor_scale_of_scores_matters(self, rows, seed):
        outcome, score, product, _, minimum = rows
        order = np.random.default_rng(seed).permutation(len(outcome))
        expected = product_average_precision(outcome, score, product, None, minimum)
        found = product_average_precision(
            outcome[order], np.exp(3 * score[order]), product[order], None, minimum
        )
        assert found == pytest.approx(expected, abs=1e-12, nan_ok=True)

    def test_one_product_is_plain_average_precision(self):
        rng = np.random.default_rng(0)
        outcome, score = rng.integers(0, 2, 50), rng.random(50)
        found = product_average_precision(outcome, score, np.zeros(50))
        assert found == pytest.approx(average_precision_score(outcome, score))

    def test_popularity_alone_has_no_skill_within_a_product(self):
        product = np.repeat(np.arange(20), 50)
        popularity = product / 20
        outcome = (np.arange(1000) % 50 < product + 1).astype(float)
        measured = evaluate(outcome, popularity, product)
        assert measured["roc_auc"] > 0.7
        assert measured["product_roc_auc"] == pytest.approx(0.5)
        share = np.array([outcome[product == p].mean() for p in range(20)])
        eligible = share * 50 >= 5
        expected = np.average(share[eligible], weights=share[eligible])
        assert measured[HEADLINE] == pytest.approx(expected)

    def test_infinite_scores_can_be_equal(self):
        score = [np.inf, np.inf, -np.inf, -np.inf]
        assert product_average_precision([1, 0, 1, 0], score, [1, 1, 1, 1], None, 1) == 0.5

    def test_without_rows_or_eligible_products(self):
        empty = ProductRanking.of([], [], [], 1)
        assert (empty.products, empty.purchases) == (0, 0)
        assert np.isnan(empty.average_precision())
        assert np.isnan(empty.roc_auc())
        rare = ProductRanking.of([1, 0], [0.2, 0.1], [1, 1])
        assert np.isnan(rare.average_precision())

    def test_text_products(self):
        names = np.array(["apple", "pear", "apple"])
        assert product_average_precision([1, 1, 0], [0.9, 0.2, 0.3], names, None, 1) == 1.0


class TestProductRocAuc:
    def test_hand_worked(self):
        # Product 1: of the pairs (0.9, 0.5), (0.5, 0.5) one is right and one a tie: 3/4.
        # Product 2: the only pair is wrong: 0; product 3 was bought by all and is left out.
        outcome = [1, 1, 0, 1, 0, 1]
        score = [0.9, 0.5, 0.5, 0.1, 0.2, 0.7]
        ranking = ProductRanking.of(outcome, score, [1, 1, 1, 2, 2, 3], 1)
        assert ranking.roc_auc() == pytest.approx((2 * 0.75 + 1 * 0.0) / 3)

    @given(ranked_rows())
    @settings(max_examples=150, deadline=None)
    def test_as_scikit_learn_per_product(self, rows):
        outcome, score, product, weight, minimum = rows
        ranking = ProductRanking.of(outcome, score, product, minimum)
        for given_weight in (None, weight):
            expected = reference(outcome, score, product, roc_auc_score, minimum, given_weight)
            found = ranking.roc_auc(given_weight)
            assert found == pytest.approx(expected, abs=1e-9, nan_ok=True)

    def test_everyone_bought_everything(self):
        assert np.isnan(ProductRanking.of([1, 1], [0.1, 0.2], [1, 1], 1).roc_auc())


class TestExpectedCalibrationError:
    def test_hand_worked(self):
        # Two bins of two rows: |0.15 - 0.5| and |0.85 - 0.5|, half the rows each.
        found = expected_calibration_error([0, 1, 1, 0], [0.1, 0.2, 0.8, 0.9], bins=2)
        assert found == pytest.approx(0.5 * 0.35 + 0.5 * 0.35)

    def test_equal_probabilities_share_a_bin(self):
        outcome = np.arange(100) % 4 == 0
        assert expected_calibration_error(outcome, np.full(100, 0.25)) == pytest.approx(0.0)
        assert expected_calibration_error(outcome, np.full(100, 0.75)) == pytest.approx(0.5)

    def test_honest_probabilities_beat_overconfident_ones(self):
        rng = np.random.default_rng(1)
        p = rng.uniform(0.02, 0.4, 20_000)
        outcome = rng.random(20_000) < p
        honest = expected_calibration_error(outcome, p)
        assert honest < 0.02
        assert expected_calibration_error(outcome, 2 * p) > 5 * honest

    @given(ranked_rows(), st.integers(1, 30))
    @settings(max_examples=50, deadline=None)
    def test_between_the_mean_difference_and_one(self, rows, bins):
        outcome, score, *_ = rows
        found = expected_calibration_error(outcome, score, bins)
        assert abs((score - outcome).mean()) - 1e-12 <= found <= 1.0

    def test_without_rows(self):
        assert np.isnan(expected_calibration_error([], []))


class TestSampledRows:
    """Rows that stand for others: every purchase is there, the rest with weights."""

    @pytest.fixture(scope="class")
    @staticmethod
    def shop():
        rng = np.random.default_rng(0)
        product = rng.integers(0, 10, 6_000)
        margin = rng.normal(-3, 1.2, 6_000) + 0.1 * product
        probability = 1 / (1 + np.exp(-margin))
        columns = {
            "outcome": (rng.random(6_000) < probability).astype(float),
            "variant_id": product,
            "ordered_before": (margin > -2).astype(float),
            "probability": probability,
        }
        return pd.DataFrame(columns)

    @pytest.fixture(scope="class")
    @staticmethod
    def estimates(shop):
        samples = (sample_rows(shop, 0.3, seed) for seed in range(150))
        return [evaluate_segments(s, s["probability"]).set_index("segment") for s in samples]

    @pytest.mark.parametrize("segment", ["all", "repeat", "explore"])
    @pytest.mark.parametrize("metric", ["log_loss", "brier_score", "roc_auc", "product_roc_auc"])
    def test_metrics_estimate_those_of_all_rows_without_bias(
        self, shop, estimates, metric, segment
    ):
        whole = evaluate_segments(shop, shop["probability"]).set_index("segment")
        found = np.array([table.loc[segment, metric] for table in estimates])
        error = found.std() / np.sqrt(len(found))
        assert abs(found.mean() - whole.loc[segment, metric]) < 4 * error + 1e-4

    @pytest.mark.parametrize("metric", ["average_precision", HEADLINE])
    def test_average_precision_is_about_that_of_all_rows(self, shop, estimates, metric):
        whole = evaluate_segments(shop, shop["probability"])[metric][0]
        found = np.mean([table.loc["all", metric] for table in estimates])
        assert found == pytest.approx(whole, rel=0.05)
        sample = sample_rows(shop, 0.3, 1).drop(columns="sampling_weight")
        assert evaluate_segments(sample, sample["probability"])[metric][0] > 1.5 * whole

    def test_calibration_of_honest_probabilities(self, estimates):
        found = [table.loc["all", "expected_calibration_error"] for table in estimates]
        assert np.mean(found) < 0.02

    def test_the_rows_measured_are_those_of_the_sample(self, shop):
        sample = sample_rows(shop, 0.3, 1)
        measured = evaluate_segments(sample, sample["probability"]).iloc[0]
        assert measured["rows"] == len(sample)
        assert measured["purchases"] == shop["outcome"].sum()

    @given(ranked_rows())
    @settings(max_examples=50, deadline=None)
    def test_a_weight_is_as_many_rows(self, rows):
        outcome, score, product, weight, minimum = rows
        times = np.where(outcome == 1, 1, weight + 1).astype(int)
        repeated = [np.repeat(values, times) for values in (outcome, score, product)]
        expected = evaluate(*repeated, minimum, np.ones(times.sum()))
        found = evaluate(outcome, score, product, minimum, times)
        for name in METRICS:
            assert found[name] == pytest.approx(expected[name], abs=1e-9, nan_ok=True)

    def test_weights_of_1_are_none(self, shop):
        assert row_weights(shop) is None
        assert row_weights(shop.assign(sampling_weight=np.float32(1))) is None
        weight = row_weights(shop.assign(sampling_weight=1 + shop["ordered_before"]))
        assert weight.tolist() == (1 + shop["ordered_before"]).tolist()


class TestEvaluate:
    def test_says_what_it_was_measured_on(self):
        product = np.repeat([1, 2, 3], 10)
        outcome = np.concatenate([np.arange(10) < 6, np.arange(10) < 2, np.zeros(10)])
        measured = evaluate(outcome, np.linspace(0.9, 0.1, 30), product)
        assert measured["rows"] == 30
        assert measured["purchases"] == 8
        assert measured["products"] == 1
        assert measured["purchases_covered"] == pytest.approx(6 / 8)
        assert measured[HEADLINE] == 1.0
        assert list(measured)[4:] == list(METRICS)

    @pytest.mark.parametrize("outcome", [np.zeros(12), np.ones(12)])
    def test_pooled_metrics_need_both_outcomes(self, outcome):
        measured = evaluate(outcome, np.linspace(0, 1, 12), np.zeros(12))
        assert np.isnan(measured["log_loss"])
        assert np.isnan(measured["roc_auc"])
        assert (measured[HEADLINE] == 1.0) == bool(outcome.any())

    def test_no_rows(self):
        measured = evaluate([], [], [])
        assert measured["rows"] == measured["purchases"] == measured["products"] == 0
        assert all(np.isnan(measured[name]) for name in (*METRICS, "purchases_covered"))

    def test_segments_are_the_rows_bought_before_and_the_rest(self, feature_frame):
        probability = np.random.default_rng(2).random(len(feature_frame))
        table = evaluate_segments(feature_frame, probability).set_index("segment")
        assert table.index.tolist() == ["all", "repeat", "explore"]
        assert table.loc["all", "rows"] == table.loc[["repeat", "explore"], "rows"].sum()
        repeat = feature_frame["ordered_before"] == 1
        part = feature_frame[repeat]
        expected = evaluate(part["outcome"], probability[repeat], part["variant_id"])
        assert table.loc["repeat"].to_dict() == pytest.approx(expected)

    def test_inputs_stay_as_they_are(self, feature_frame):
        before = feature_frame.copy()
        evaluate_segments(feature_frame, np.full(len(feature_frame), 0.5))
        pd.testing.assert_frame_equal(feature_frame, before)
