"""How sure the test figures are: intervals from a bootstrap that draws whole users.

Every entry is measured on the same resamples, so a difference between two of them is paired.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from push_propensity.evaluation.bootstrap import Resamples, interval, judge
from push_propensity.evaluation.curves import gains, reached
from push_propensity.evaluation.metrics import HEADLINE, ProductRanking, evaluate_segments
from push_propensity.evaluation.options import ReportOptions
from push_propensity.evaluation.scored import entries_of
from push_propensity.frame.columns import ORDERED_BEFORE, OUTCOME, PRODUCT, USER
from push_propensity.frame.weights import MINIMUM_PURCHASES, Floats
from push_propensity.models.calibration import clip_probability

GAIN = "gain"
KEY = ["entry", "segment", "metric"]
LOWER_IS_BETTER = frozenset({"log_loss", "brier_score", "expected_calibration_error"})

Metrics = dict[str, Floats]
Measure = Callable[[Floats], Metrics]


def resample_test(test_scores: pd.DataFrame, report_options: ReportOptions) -> pd.DataFrame:
    """Measure every entry on the same resamples of the users.

    Args:
        test_scores: From `score_entries`.
        report_options: The resamples, and the share of a product's users that `gain` notifies.

    Returns:
        One row per resample, columns (entry, segment, metric); all metrics for the segment `all`,
        the headline metric for `repeat` and `explore`.
    """
    resamples, share = report_options.resample(test_scores[USER]), report_options.notified_share
    user = resamples.positions(test_scores[USER])
    y, product, before = (test_scores[c].to_numpy() for c in (OUTCOME, PRODUCT, ORDERED_BEFORE))
    segments = {"repeat": before > 0, "explore": before <= 0}
    measures = {}
    for entry in entries_of(test_scores):
        p = test_scores[entry].to_numpy()
        measures[entry, "all"] = all_measures(y, p, product, user, resamples, share)
        for segment, rows in segments.items():
            ranking = ProductRanking.of(y[rows], p[rows], product[rows])
            measures[entry, segment] = headline_measure(ranking, user[rows], resamples)
    drawn = resamples.measure(
        lambda drawn: {
            (*key, metric): values
            for key, measure in measures.items()
            for metric, values in measure(drawn).items()
        }
    )
    return drawn.rename_axis(columns=KEY)


def headline_measure(
    ranking: ProductRanking, user: NDArray[np.intp], resamples: Resamples
) -> Measure:
    """The headline metric as a function of how often each user is drawn; see `all_measures`."""
    totals = resamples.ranking(ranking, user)
    return lambda drawn: {HEADLINE: totals(drawn).average_precision()}


def all_measures(
    outcome: ArrayLike,
    score: ArrayLike,
    product: ArrayLike,
    user: NDArray[np.intp],
    resamples: Resamples,
    share: float,
) -> Measure:
    """Every metric that gets an interval, as a function of how often each user is drawn.

    Args:
        outcome: 0 or 1 per row, shape (rows,).
        score: Probabilities, shape (rows,).
        product: Product of each row, shape (rows,).
        user: Which of the resamples' users each row belongs to, shape (rows,).
        resamples: Whose users are drawn.
        share: Share of a product's users that `gain` notifies.
    """
    y, p = np.asarray(outcome, dtype=np.float64), np.asarray(score, dtype=np.float64)
    within, pooled, every = (
        resamples.ranking(ranking, user)
        for ranking in (
            ProductRanking.of(y, p, product),
            ProductRanking.pooled(y, p),
            ProductRanking.of(y, p, product, 1),
        )
    )
    kept = clip_probability(p)
    losses = {"log_loss": -np.log(np.where(y > 0, kept, 1 - kept)), "brier_score": (p - y) ** 2}
    lost = {name: resamples.sums(user, values) for name, values in losses.items()}
    rows = resamples.sums(user, np.ones(len(y)))

    def measure(drawn: Floats) -> Metrics:
        in_product, in_all = within(drawn), pooled(drawn)
        return {
            HEADLINE: in_product.average_precision(),
            "average_precision": in_all.average_precision(),
            "product_roc_auc": in_product.roc_auc(),
            "roc_auc": in_all.roc_auc(),
            **{name: total(drawn) / rows(drawn) for name, total in lost.items()},
            GAIN: np.array([reached(t, [share])[0] for t in every(drawn).one_by_one()]),
        }

    return measure


def measure_test(
    test_scores: pd.DataFrame, test_resamples: pd.DataFrame, report_options: ReportOptions
) -> pd.DataFrame:
    """Every metric of every entry and segment with its interval.

    Args:
        test_scores: From `score_entries`.
        test_resamples: From `resample_test`.
        report_options: Confidence, and the share of a product's users that `gain` notifies.

    Returns:
        Rows of entry, segment, metric, value, low, high, rows, purchases, products,
        purchases_covered; low and high are NaN where no interval was drawn.
    """
    share, confidence = report_options.notified_share, report_options.confidence
    points = pd.concat(
        [_points(test_scores, entry, share) for entry in entries_of(test_scores)],
        ignore_index=True,
    )
    values = _by_key(points)
    ends = [
        (*key, *interval(test_resamples[key], values[key], confidence))
        for key in _keys(test_resamples)
    ]
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


def compare_entries(
    test_metrics: pd.DataFrame,
    test_resamples: pd.DataFrame,
    winner: Mapping[str, Any],
    report_options: ReportOptions,
) -> pd.DataFrame:
    """Paired differences between the winner and every other entry.

    Args:
        test_metrics: From `measure_test`.
        test_resamples: From `resample_test`, on the same scores.
        winner: With the name of the winner as `candidate`.
        report_options: Confidence of the intervals.

    Returns:
        Rows of entry, segment, metric, difference (winner minus entry), low, high and verdict:
        `better`, `worse` (the winner is) or `noise` (the interval holds 0).
    """
    values, best = _by_key(test_metrics), winner["candidate"]
    rows = []
    for entry, segment, metric in _keys(test_resamples):
        if entry == best:
            continue
        drawn = test_resamples[best, segment, metric] - test_resamples[entry, segment, metric]
        difference = values[best, segment, metric] - values[entry, segment, metric]
        low, high = interval(drawn, difference, report_options.confidence)
        verdict = judge(low, high, lower_is_better=metric in LOWER_IS_BETTER)
        rows.append((entry, segment, metric, difference, low, high, verdict))
    return pd.DataFrame(rows, columns=[*KEY, "difference", "low", "high", "verdict"])
