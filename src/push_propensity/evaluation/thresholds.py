"""Yes or no from a probability: which threshold, and how right the decisions are."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import precision_recall_curve

from push_propensity.evaluation.bootstrap import Resamples
from push_propensity.evaluation.options import ReportOptions
from push_propensity.evaluation.scored import entries_of
from push_propensity.frame.columns import OUTCOME, USER
from push_propensity.frame.weights import Floats

CELLS = ("true_positives", "false_positives", "false_negatives", "true_negatives")


def f1_threshold(outcome: ArrayLike, probability: ArrayLike) -> float:
    """The threshold with the highest F1; the lowest such one on a tie.

    A row counts as a predicted purchase at or above the threshold.

    Args:
        outcome: 0 or 1 per row, shape (rows,), with at least one 1.
        probability: Probabilities in [0, 1], shape (rows,).

    Examples:
        >>> f1_threshold([0, 1, 0, 1], [0.1, 0.4, 0.5, 0.8])
        0.4
    """
    traced = _trace_f1(outcome, probability)
    return float(traced["threshold"][np.argmax(traced["f1"])])


def _trace_f1(outcome: ArrayLike, probability: ArrayLike) -> dict[str, Floats]:
    """Threshold, precision, recall and F1 at each distinct probability, each of shape (n,)."""
    precision, recall, threshold = precision_recall_curve(outcome, probability)
    both = precision + recall
    f1 = np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both > 0)
    columns = {"precision": precision[:-1], "recall": recall[:-1], "f1": f1[:-1]}
    return {"threshold": threshold, **columns}


def choose(
    scores: pd.DataFrame, entries: Sequence[str], threshold: float | None = None
) -> dict[str, float]:
    """One threshold per entry: the configured one, or the best for F1 on these scores.

    Args:
        scores: Scored rows of a window before the test, with outcome.
        entries: Columns of `scores` that hold probabilities.
        threshold: Used for every entry if given.
    """
    if threshold is not None:
        return dict.fromkeys(entries, threshold)
    return {entry: f1_threshold(scores[OUTCOME], scores[entry]) for entry in entries}


def decide_test(
    test_scores: pd.DataFrame, calibration_scores: pd.DataFrame, report_options: ReportOptions
) -> pd.DataFrame:
    """Confusion matrix, precision, recall and F1 of each entry at a threshold not chosen on test.

    Args:
        test_scores: From `score_entries`.
        calibration_scores: Of the window before the test, to choose the thresholds on.
        report_options: The configured threshold, if there is one, and the resamples.

    Returns:
        What `decide` gives.
    """
    entries = entries_of(calibration_scores)
    chosen = choose(calibration_scores, entries, report_options.threshold)
    return decide(test_scores, chosen, report_options.resample(test_scores[USER]))


def decide(
    scores: pd.DataFrame, thresholds: Mapping[str, float], resamples: Resamples
) -> pd.DataFrame:
    """Confusion matrix, precision, recall and F1 of each entry at its threshold.

    Args:
        scores: One row per (order, product): outcome, user_id and a probability per entry.
        thresholds: Threshold of each entry.
        resamples: Of the scores' users, for the intervals.

    Returns:
        One row per entry: entry, threshold, the cells, precision, recall, f1 and for each of
        these three `_low` and `_high`, cut to [0, 1]; NaN where a denominator is 0.
    """
    user, rows = resamples.positions(scores[USER]), []
    for entry, threshold in thresholds.items():
        cells = _cells(scores, entry, threshold)
        drawn = resamples.measure(_drawn_rates(resamples, user, cells))
        row = {"entry": entry, "threshold": threshold} | cells.sum().astype(int).to_dict()
        for name, value in _rates(*cells.sum().to_numpy(dtype=np.float64)).items():
            low, high = resamples.interval_of_share(drawn[name], float(value))
            row |= {name: float(value), f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


def _cells(scores: pd.DataFrame, entry: str, threshold: float) -> pd.DataFrame:
    """In which cell of the confusion matrix each row lies, columns `CELLS`."""
    bought = scores[OUTCOME].to_numpy() > 0
    said = scores[entry].to_numpy() >= threshold
    cells = (bought & said, ~bought & said, bought & ~said, ~bought & ~said)
    return pd.DataFrame(dict(zip(CELLS, cells, strict=True)))


def _drawn_rates(
    resamples: Resamples, user: NDArray[np.intp], cells: pd.DataFrame
) -> Callable[[Floats], dict[str, Floats]]:
    """The rates as a function of how often each user is drawn."""
    totals = [resamples.sums(user, cells[name]) for name in CELLS]
    return lambda drawn: _rates(*(total(drawn) for total in totals))


def _rates(hit: Floats, false_alarm: Floats, missed: Floats, _: Floats) -> dict[str, Floats]:
    """Precision, recall and F1 of confusion matrices, cells of shape (n,)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "precision": hit / (hit + false_alarm),
            "recall": hit / (hit + missed),
            "f1": 2 * hit / (2 * hit + false_alarm + missed),
        }


def sweep_thresholds(
    test_scores: pd.DataFrame, winner: Mapping[str, Any], report_options: ReportOptions
) -> pd.DataFrame:
    """Precision, recall and F1 of the winner over all thresholds.

    Args:
        test_scores: From `score_entries`, with at least one purchase.
        winner: With the name of the winner as `candidate`.
        report_options: With the most thresholds to keep, evenly spaced in recall.

    Returns:
        Rows of threshold, precision, recall, f1 by rising threshold.
    """
    probability = test_scores[winner["candidate"]]
    traced = pd.DataFrame(_trace_f1(test_scores[OUTCOME], probability))
    levels = np.linspace(1, 0, report_options.curve_points)
    kept = np.unique(np.searchsorted(-traced["recall"], -levels))
    return traced.iloc[kept[kept < len(traced)]].reset_index(drop=True)
