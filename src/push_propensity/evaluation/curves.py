"""Points of the curves that show how well scores rank and how true probabilities are.

Ranking curves are read off a `ProductRanking`, so the same code gives the curves within a product
(averaged over products, weighted by purchases) and, with one product for all rows, the pooled ones.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import norm

from push_propensity.evaluation.metrics import ProductRanking, RunningTotals
from push_propensity.evaluation.options import ReportOptions
from push_propensity.evaluation.scored import entries_of
from push_propensity.frame.columns import OUTCOME, PRODUCT
from push_propensity.frame.weights import MINIMUM_PURCHASES, Floats

Curve = Callable[[ProductRanking, ArrayLike], Floats]


def gains(ranking: ProductRanking, share: ArrayLike, weight: ArrayLike | None = None) -> Floats:
    """Share of purchases reached when, for each product, a share of its rows is notified.

    Within each product the rows with the highest scores come first; equal scores are reached in
    proportion. Products count by their purchases.

    Args:
        ranking: Sorted rows; form it with `minimum_purchases=1` to count every purchase.
        share: Shares of users notified, each in [0, 1], shape (points,).
        weight: Weight of each row as given to `ProductRanking.of`; 1 each if left out.

    Returns:
        Shares in [0, 1], shape (points,); NaN without a purchase.

    Examples:
        >>> score = [0.9, 0.5, 0.1, 0.6]
        >>> ranking = ProductRanking.of([0, 1, 0, 1], score, ["tea"] * 4, minimum_purchases=1)
        >>> gains(ranking, [0.25, 0.5]).tolist()
        [0.0, 0.5]
    """
    return reached(ranking.totals(weight), share)


def reached(totals: RunningTotals, share: ArrayLike) -> Floats:
    """`gains` of totals that have one weighting."""
    return _average(totals, totals.shown, totals.hits, np.asarray(share, dtype=np.float64))


def roc(ranking: ProductRanking, false_positive_rate: ArrayLike) -> Floats:
    """True positive rate at given false positive rates, averaged by purchases.

    Args:
        ranking: Sorted rows.
        false_positive_rate: Rates in [0, 1], shape (points,).

    Returns:
        Rates in [0, 1], shape (points,); NaN without a purchase.

    Examples:
        >>> score = [0.9, 0.5, 0.1, 0.6]
        >>> ranking = ProductRanking.of([0, 1, 0, 1], score, ["tea"] * 4, minimum_purchases=1)
        >>> roc(ranking, [0, 0.5]).tolist()
        [0.0, 1.0]
    """
    totals = ranking.totals()
    rate = np.asarray(false_positive_rate, dtype=np.float64)
    return _average(totals, totals.shown - totals.hits, totals.hits, rate)


def precision_recall(ranking: ProductRanking, recall: ArrayLike) -> Floats:
    """Precision when just enough rows are notified for given recalls, averaged by purchases.

    Precision is a step function of recall, not interpolated (Davis and Goadrich, 2006), so the
    area under the curve is the average precision.

    Args:
        ranking: Sorted rows.
        recall: Shares of each product's purchases in (0, 1], shape (points,).

    Returns:
        Shares in [0, 1], shape (points,); NaN without a purchase.

    Examples:
        >>> score = [0.9, 0.5, 0.1, 0.6]
        >>> ranking = ProductRanking.of([0, 1, 0, 1], score, ["tea"] * 4, minimum_purchases=1)
        >>> precision_recall(ranking, [0.5, 1]).round(3).tolist()
        [0.5, 0.667]
    """
    levels = np.asarray(recall, dtype=np.float64)
    if not ranking.products:
        return np.full(levels.shape, np.nan)
    totals = ranking.totals()
    hits, shown, start, end = totals.hits, totals.shown, totals.start, totals.end
    purchases = hits[end] - hits[start]
    target = hits[start] + levels[:, None] * purchases
    tie = np.searchsorted(hits, target - 1e-9, side="left")
    precision = (hits[tie] - hits[start]) / (shown[tie] - shown[start])
    return np.asarray((precision * purchases).sum(axis=1) / purchases.sum())


def calibration(
    outcome: ArrayLike, probability: ArrayLike, bins: int = 10, confidence: float = 0.95
) -> pd.DataFrame:
    """Predicted and observed purchase rate in bins that hold equally many expected purchases.

    With about 1 % of purchases, bins of equally many rows would put nearly all purchases into the
    last one; equal probabilities share a bin. The interval is Wilson's (1927).

    Args:
        outcome: 0 or 1 per row, shape (rows,).
        probability: Probabilities in [0, 1], shape (rows,).
        bins: Most bins to form.
        confidence: Of the intervals, in (0, 1).

    Returns:
        One row per bin: predicted, observed, low, high (rates), rows.

    Examples:
        >>> points = calibration([0, 0, 1, 1], [0.1, 0.1, 0.5, 0.9], bins=2)
        >>> points[["predicted", "observed", "rows"]].round(3).values.tolist()
        [[0.233, 0.333, 3.0], [0.9, 1.0, 1.0]]
    """
    order = np.argsort(np.asarray(probability, dtype=np.float64), kind="stable")
    p = np.asarray(probability, dtype=np.float64)[order]
    y = np.asarray(outcome, dtype=np.float64)[order]
    expected = np.cumsum(p)[np.searchsorted(p, p, side="right") - 1]
    bin_of = np.ceil(bins * expected / max(expected[-1], 1e-300) - 1e-9).clip(1)
    grouped = pd.DataFrame({"predicted": p, "observed": y}).groupby(bin_of)
    points = grouped.mean().assign(rows=grouped.size())
    low, high = wilson_interval(points["observed"], points["rows"], confidence)
    return points.assign(low=low, high=high).reset_index(drop=True)


def wilson_interval(
    rate: ArrayLike, rows: ArrayLike, confidence: float = 0.95
) -> tuple[Floats, Floats]:
    """Interval of an observed rate (Wilson, 1927).

    Args:
        rate: Observed rates in [0, 1], shape (n,).
        rows: Rows behind each rate, shape (n,).
        confidence: Of the intervals, in (0, 1).

    Examples:
        >>> low, high = wilson_interval([0.0, 0.5], [10, 10])
        >>> low.round(3).tolist(), high.round(3).tolist()
        ([0.0, 0.237], [0.278, 0.763])
    """
    r, n = np.asarray(rate, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    z = norm.ppf((1 + confidence) / 2)
    middle = r + z**2 / (2 * n)
    half = z * np.sqrt(r * (1 - r) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    return np.clip((middle - half) / scale, 0, 1), np.clip((middle + half) / scale, 0, 1)


def trace_curves(test_scores: pd.DataFrame, report_options: ReportOptions) -> pd.DataFrame:
    """Points of every curve of every entry.

    Args:
        test_scores: From `score_entries`.
        report_options: How many points a ranking curve has, and a calibration curve at most.

    Returns:
        Tidy rows: curve (gains, roc, precision_recall, product_roc, product_precision_recall,
        calibration), entry, x, y and, for calibration, low, high and rows.
    """
    return pd.concat(
        [
            _of_entry(test_scores, entry, report_options).assign(entry=entry)
            for entry in entries_of(test_scores)
        ],
        ignore_index=True,
    )


def _of_entry(scores: pd.DataFrame, entry: str, options: ReportOptions) -> pd.DataFrame:
    points = options.curve_points
    y, p, product = (scores[name].to_numpy() for name in (OUTCOME, entry, PRODUCT))
    pooled = ProductRanking.pooled(y, p)
    eligible = ProductRanking.of(y, p, product, MINIMUM_PURCHASES)
    grid = np.linspace(0, 1, points)
    recall = (np.arange(points) + 0.5) / points
    # Squared, because what happens at few false positives is what matters and is steep.
    traced: dict[str, tuple[Floats, Curve, ProductRanking]] = {
        "gains": (grid, gains, ProductRanking.of(y, p, product, 1)),
        "roc": (grid**2, roc, pooled),
        "product_roc": (grid**2, roc, eligible),
        "precision_recall": (recall, precision_recall, pooled),
        "product_precision_recall": (recall, precision_recall, eligible),
    }
    frames = [
        pd.DataFrame({"curve": name, "x": x, "y": curve(ranking, x)})
        for name, (x, curve, ranking) in traced.items()
    ]
    bins = calibration(y, p, options.calibration_bins, options.confidence)
    drawn = bins.rename(columns={"predicted": "x", "observed": "y"}).assign(curve="calibration")
    return pd.concat([*frames, drawn], ignore_index=True)


def _average(totals: RunningTotals, x: Floats, y: Floats, share: Floats) -> Floats:
    """Mean over products of y's share at given shares of x, with y's totals as weights."""
    start, end = totals.start, totals.end
    total = (y[end] - y[start]).sum()
    if not total > 0:
        return np.full(share.shape, np.nan)
    target = x[start] + share[:, None] * (x[end] - x[start])
    reached = np.interp(target, x, y) - y[start]
    return np.asarray(np.where(share >= 1, 1.0, reached.sum(axis=1) / total))
