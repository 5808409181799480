"""How sure the test figures are: intervals from a bootstrap that draws whole users.

Every entry is measured on the same resamples, so a difference between two of them is paired.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from push_propensity.evaluation.bootstrap import interval, judge, user_weights
from push_propensity.evaluation.curves import gains
from push_propensity.evaluation.metrics import HEADLINE, ProductRanking, evaluate_segments
from push_propensity.frame.columns import ORDERED_BEFORE, OUTCOME, PRODUCT, USER
from push_propensity.frame.weights import MINIMUM_PURCHASES

GAIN = "gain"
KEY = ["entry", "segment", "metric"]
LOWER_IS_BETTER = frozenset({"log_loss", "brier_score", "expected_calibration_error"})

Floats = NDArray[np.float64]
Measure = Callable[[Floats], float]


def ranking_measures(
    outcome: ArrayLike, score: ArrayLike, product: ArrayLike
) -> dict[str, Measure]:
    """The headline metric as a function of the rows' weights."""
    return {HEADLINE: ProductRanking.of(outcome, score, product).average_precision}


def all_measures(
    outcome: ArrayLike, score: ArrayLike, product: ArrayLike, share: float
) -> dict[str, Measure]:
    """Every metric that gets an interval, as functions of the rows' weights.

    Args:
        outcome: 0 or 1 per row, shape (rows,).
        score: Probabilities, shape (rows,).
        product: Product of each row, shape (rows,).
        share: Share of a product's users that `gain` notifies.
    """
    y, p = np.asarray(outcome, dtype=np.float64), np.asarray(score, dtype=np.float64)
    within = ProductRanking.of(y, p, product)
    pooled = ProductRanking.of(y, p, np.zeros(len(y)), 1)
    every = ProductRanking.of(y, p, product, 1)
    kept = np.clip(p, 1e-15, 1 - 1e-15)
    loss, brier = -np.log(np.where(y > 0, kept, 1 - kept)), (p - y) ** 2
    return {
        HEADLINE: within.average_precision,
        "average_precision": pooled.average_precision,
        "product_roc_auc": within.roc_auc,
        "roc_auc": pooled.roc_auc,
        "log_loss": lambda weight: float(np.average(loss, weights=weight)),
        "brier_score": lambda weight: float(np.average(brier, weights=weight)),
        GAIN: lambda weight: float(gains(every, [share], weight)[0]),
    }


def resample(
    scores: pd.DataFrame, entries: Sequence[str], *, resamples: int, seed: int, share: float
) -> pd.DataFrame:
    """Measure every entry on the same resamples of the users.

    Args:
        scores: One row per (order, product): outcome, keys and a probability per entry.
        entries: Columns of `scores` that hold probabilities.
        resamples: How many resamples to draw.
        seed: Seed of the draws.
        share: Share of a product's users that `gain` notifies.

    Returns:
        One row per resample, columns (entry, segment, metric); all metrics for the segment `all`,
        the headline metric for `repeat` and `explore`.
    """
    measures = _measures(scores, entries, share)
    draws = [
        [measure(weight[rows]) for rows, measure in measures.values()]
        for weight in user_weights(scores[USER], resamples, seed)
    ]
    columns = pd.MultiIndex.from_tuples(measures, names=KEY)
    return pd.DataFrame(draws, columns=columns, dtype=np.float64)


def _measures(
    scores: pd.DataFrame, entries: Sequence[str], share: float
) -> dict[tuple[str, str, str], tuple[NDArray[np.bool_] | slice, Measure]]:
    y, product = scores[OUTCOME].to_numpy(), scores[PRODUCT].to_numpy()
    repeat = scores[ORDERED_BEFORE].to_numpy() > 0
    measures: dict[tuple[str, str, str], tuple[NDArray[np.bool_] | slice, Measure]] = {}
    for entry in entries:
        p = scores[entry].to_numpy()
        for metric, measure in all_measures(y, p, product, share).items():
            measures[entry, "all", metric] = (slice(None), measure)
        for segment, rows in (("repeat", repeat), ("explore", ~repeat)):
            for metric, measure in ranking_measures(y[rows], p[rows], product[rows]).items():
                measures[entry, segment, metric] = (rows, measure)
    return measures


def measure(
    scores: pd.DataFrame, resamples: pd.DataFrame, *, confidence: float, share: float
) -> pd.DataFrame:
    """Every metric of every entry and segment with its interval.

    Args:
        scores: One row per (order, product): outcome, keys and a probability per entry.
        resamples: From `resample`.
        confidence: Of the intervals, in (0, 1).
        share: Share of a product's users that `gain` notifies.

    Returns:
        Rows of entry, segment, metric, value, low, high, rows, purchases, products,
        purchases_covered; low and high are NaN where no interval was drawn.
    """
    entries = list(dict.fromkeys(entry for entry, _, _ in _keys(resamples)))
    points = pd.concat([_points(scores, entry, share) for entry in entries], ignore_index=True)
    values = _by_key(points)
    ends = [(*key, *interval(resamples[key], values[key], confidence)) for key in _keys(resamples)]
    table = pd.DataFrame(ends, columns=[*KEY, "low", "high"])
    return points.merge(_within_range(table), how="left", on=KEY, validate="one_to_one")


def _keys(resamples: pd.DataFrame) -> list[tuple[str, str, str]]:
    entry, segment, metric = (resamples.columns.get_level_values(name) for name in KEY)
    return list(zip(map(str, entry), map(str, segment), map(str, metric), strict=True))


def _by_key(metrics: pd.DataFrame) -> dict[tuple[str, str, str], float]:
    keys = (metrics[name].astype(str) for name in KEY)
    return dict(zip(zip(*keys, strict=True), metrics["value"].astype(float), strict=True))


def _within_range(intervals: pd.DataFrame) -> pd.DataFrame:
    """Cut ends that no metric can have: all are at least 0 and all but log loss at most 1."""
    highest = np.where(intervals["metric"] == "log_loss", np.inf, 1.0)
    low, high = (intervals[end].clip(0.0, highest) for end in ("low", "high"))
    return intervals.assign(low=low, high=high)


def _points(scores: pd.DataFrame, entry: str, share: float) -> pd.DataFrame:
    sizes = ["rows", "purchases", "products", "purchases_covered"]
    wide = evaluate_segments(scores, scores[entry], MINIMUM_PURCHASES)
    every = ProductRanking.of(scores[OUTCOME], scores[entry], scores[PRODUCT], 1)
    reached = np.where(wide["segment"] == "all", gains(every, [share])[0], np.nan)
    tidy = wide.assign(**{GAIN: reached}).melt(
        ["segment", *sizes], var_name="metric", value_name="value"
    )
    kept = tidy[(tidy["metric"] != GAIN) | (tidy["segment"] == "all")].assign(entry=entry)
    return kept[["entry", "segment", "metric", "value", *sizes]]


def compare(
    metrics: pd.DataFrame, resamples: pd.DataFrame, winner: str, confidence: float
) -> pd.DataFrame:
    """Paired differences between the winner and every other entry.

    Args:
        metrics: From `measure`.
        resamples: From `resample`, on the same scores.
        winner: Entry that the others are subtracted from it.
        confidence: Of the intervals, in (0, 1).

    Returns:
        Rows of entry, segment, metric, difference (winner minus entry), low, high and verdict:
        `better`, `worse` (the winner is) or `noise` (the interval holds 0).
    """
    values = _by_key(metrics)
    rows = []
    for entry, segment, metric in _keys(resamples):
        if entry == winner:
            continue
        drawn = resamples[winner, segment, metric] - resamples[entry, segment, metric]
        difference = values[winner, segment, metric] - values[entry, segment, metric]
        low, high = interval(drawn, difference, confidence)
        verdict = judge(low, high, lower_is_better=metric in LOWER_IS_BETTER)
        rows.append((entry, segment, metric, difference, low, high, verdict))
    return pd.DataFrame(rows, columns=[*KEY, "difference", "low", "high", "verdict"])
