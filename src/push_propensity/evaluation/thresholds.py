"""Yes or no from a probability: which threshold, and how right the decisions are."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import precision_recall_curve

from push_propensity.evaluation.bootstrap import interval, user_weights
from push_propensity.frame.columns import OUTCOME, USER

Floats = NDArray[np.float64]
CELLS = ("true_positives", "false_positives", "false_negatives", "true_negatives")


def f1_threshold(outcome: ArrayLike, probability: ArrayLike) -> float:
    """The threshold with the highest F1; the lowest such one on a tie.

    A row counts as a predicted purchase at or above the threshold.

    Args:
        outcome: 0 or 1 per row, shape (rows,), with at least one 1.
        probability: Probabilities in [0, 1], shape (rows,).
    """
    precision, recall, threshold = precision_recall_curve(outcome, probability)
    both = precision + recall
    f1 = np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both > 0)
    return float(threshold[np.argmax(f1[:-1])])


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


def decide(
    scores: pd.DataFrame,
    thresholds: Mapping[str, float],
    *,
    resamples: int,
    seed: int,
    confidence: float,
) -> pd.DataFrame:
    """Confusion matrix, precision, recall and F1 of each entry at its threshold.

    Args:
        scores: One row per (order, product): outcome, user_id and a probability per entry.
        thresholds: Threshold of each entry.
        resamples: Resamples of users for the intervals.
        seed: Seed of the draws.
        confidence: Of the intervals, in (0, 1).

    Returns:
        One row per entry: entry, threshold, the cells, precision, recall, f1 and for each of
        these three `_low` and `_high`, cut to [0, 1]; NaN where a denominator is 0.
    """
    weights = _drawn_users(scores[USER], resamples, seed)
    rows = []
    for entry, threshold in thresholds.items():
        per_user = _cells(scores, entry, threshold).groupby(scores[USER].to_numpy()).sum()
        cells = per_user.sum()
        drawn = _rates(weights @ per_user.to_numpy(dtype=np.float64))
        row = {"entry": entry, "threshold": threshold} | cells.astype(int).to_dict()
        for name, value in _rates(cells.to_numpy(dtype=np.float64)[None]).items():
            low, high = np.clip(interval(drawn[name], float(value[0]), confidence), 0.0, 1.0)
            row |= {name: float(value[0]), f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


def _drawn_users(user: pd.Series, resamples: int, seed: int) -> Floats:
    """How often each user was drawn, shape (resamples, users), users sorted."""
    users = np.unique(user.to_numpy())
    return np.vstack([np.empty((0, len(users))), *user_weights(users, resamples, seed)])


def _cells(scores: pd.DataFrame, entry: str, threshold: float) -> pd.DataFrame:
    """In which cell of the confusion matrix each row lies, columns `CELLS`."""
    bought = scores[OUTCOME].to_numpy() > 0
    said = scores[entry].to_numpy() >= threshold
    cells = (bought & said, ~bought & said, bought & ~said, ~bought & ~said)
    return pd.DataFrame(dict(zip(CELLS, cells, strict=True)))


def _rates(cells: Floats) -> dict[str, Floats]:
    """Precision, recall and F1 of confusion matrices, cells of shape (n, 4)."""
    hit, false_alarm, missed = cells[:, 0], cells[:, 1], cells[:, 2]
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "precision": hit / (hit + false_alarm),
            "recall": hit / (hit + missed),
            "f1": 2 * hit / (2 * hit + false_alarm + missed),
        }


def sweep(scores: pd.DataFrame, entry: str, points: int) -> pd.DataFrame:
    """Precision, recall and F1 of an entry over all thresholds.

    Args:
        scores: Scored rows with outcome, at least one purchase.
        entry: Column of probabilities.
        points: Most thresholds to keep, evenly spaced in recall.

    Returns:
        Rows of threshold, precision, recall, f1 by rising threshold.
    """
    precision, recall, threshold = precision_recall_curve(scores[OUTCOME], scores[entry])
    both = precision + recall
    f1 = np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both > 0)
    kept = np.unique(np.searchsorted(-recall[:-1], -np.linspace(1, 0, points)))
    kept = kept[kept < len(threshold)]
    columns = {"precision": precision, "recall": recall, "f1": f1}
    return pd.DataFrame({"threshold": threshold[kept]} | {k: v[kept] for k, v in columns.items()})
