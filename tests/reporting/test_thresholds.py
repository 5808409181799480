import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix, f1_score, precision_score, recall_score

from push_propensity.evaluation import thresholds
from push_propensity.evaluation.bootstrap import Resamples


@pytest.fixture
def small():
    return pd.DataFrame(
        {
            "outcome": [1.0, 0.0, 1.0, 0.0, 0.0],
            "user_id": ["a", "a", "b", "c", "c"],
            "model": [0.9, 0.8, 0.4, 0.3, 0.1],
        }
    )


def test_the_f1_threshold_of_a_hand_worked_example(small):
    # At 0.4: 2 of 3 right, all found, F1 0.8; at 0.9: 1 of 1 right, half found, F1 0.67.
    assert thresholds.f1_threshold(small["outcome"], small["model"]) == 0.4


def test_no_threshold_has_a_higher_f1():
    generator = np.random.default_rng(0)
    probability = generator.random(400)
    outcome = (generator.random(400) < probability**3).astype(float)
    best = thresholds.f1_threshold(outcome, probability)
    scores = [f1_score(outcome, probability >= t) for t in np.unique(probability)]
    assert f1_score(outcome, probability >= best) == pytest.approx(max(scores))


def test_a_configured_threshold_counts_for_every_entry(small):
    both = small.assign(other=0.5)
    assert thresholds.choose(both, ["model", "other"], 0.25) == {"model": 0.25, "other": 0.25}
    assert thresholds.choose(both, ["model"]) == {"model": 0.4}


def test_decisions_agree_with_scikit_learn(results, scores):
    for row in results["test_decisions"].to_dict("records"):
        outcome, said = scores["outcome"], scores[row["entry"]] >= row["threshold"]
        tn, fp, fn, tp = confusion_matrix(outcome, said).ravel()
        assert [row[cell] for cell in thresholds.CELLS] == [tp, fp, fn, tn]
        assert row["precision"] == pytest.approx(precision_score(outcome, said))
        assert row["recall"] == pytest.approx(recall_score(outcome, said))
        assert row["f1"] == pytest.approx(f1_score(outcome, said))
        assert row["f1_low"] <= row["f1"] <= row["f1_high"]


def test_rates_without_a_predicted_purchase(small):
    resamples = Resamples.of(small["user_id"], resamples=10, seed=0, confidence=0.9)
    table = thresholds.decide(small, {"model": 0.95}, resamples)
    row = table.iloc[0]
    assert np.isnan(row["precision"])
    assert np.isnan(row["precision_low"])
    assert row["recall"] == 0
    assert row["false_negatives"] == 2


def test_the_threshold_is_not_chosen_on_test(results):
    calibration, decisions = results["calibration_scores"], results["test_decisions"]
    for row in decisions.to_dict("records"):
        expected = thresholds.f1_threshold(calibration["outcome"], calibration[row["entry"]])
        assert row["threshold"] == expected


def test_the_sweep_gives_true_rates(results, scores):
    sweep = results["test_threshold_sweep"]
    assert sweep["threshold"].is_monotonic_increasing
    assert len(sweep) <= 51
    row = sweep.iloc[len(sweep) // 2]
    said = scores["xgboost"] >= row["threshold"]
    assert row["precision"] == pytest.approx(precision_score(scores["outcome"], said))
    assert row["recall"] == pytest.approx(recall_score(scores["outcome"], said))
