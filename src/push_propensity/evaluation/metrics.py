"""How good probabilities are: within a product, pooled, and how well they are calibrated.

The sales team fixes the product first, so the headline metric ranks users within a product:
*product average precision*. The unit is a row (order x product).

Where rows without a purchase were sampled, each row counts by its `sampling_weight`, the inverse of
its probability of being drawn (Horvitz and Thompson, 1952), so that sums over the sample estimate
those over all candidate rows without bias. Metrics that are ratios of such sums are consistent;
average precision is too high where a product's purchases stand above only few drawn rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import brier_score_loss, log_loss

from push_propensity.frame.columns import ORDERED_BEFORE, OUTCOME, PRODUCT
from push_propensity.frame.weights import MINIMUM_PURCHASES, Floats, row_weights

HEADLINE = "product_average_precision"
METRICS: tuple[str, ...] = (
    HEADLINE,
    "average_precision",
    "product_roc_auc",
    "roc_auc",
    "log_loss",
    "brier_score",
    "expected_calibration_error",
)
SEGMENTS: tuple[str, ...] = ("all", "repeat", "explore")


@dataclass(frozen=True)
class ProductRanking:
    """The rows of the eligible products, sorted by product and by falling score.

    Sorting once lets a bootstrap weigh the same rows hundreds of times.

    Attributes:
        rows: Positions of the sorted rows in the arrays given, shape (n,).
        outcome: 1.0 where bought, shape (n,), sorted.
        first: Where each product begins, shape (products,).
        tie_end: Last row of each run of equal scores within a product, shape (ties,).
    """

    rows: NDArray[np.intp]
    outcome: Floats
    first: NDArray[np.intp]
    tie_end: NDArray[np.intp]

    @classmethod
    def of(
        cls,
        outcome: ArrayLike,
        score: ArrayLike,
        product: ArrayLike,
        minimum_purchases: int = MINIMUM_PURCHASES,
    ) -> "ProductRanking":
        """Sort the rows of the products with at least `minimum_purchases` purchases.

        Args:
            outcome: 0 or 1 per row, shape (rows,).
            score: Any number that grows with the probability, shape (rows,).
            product: Product of each row, shape (rows,).
            minimum_purchases: Products bought less often are left out.
        """
        codes = pd.factorize(np.asarray(product))[0]
        y = np.asarray(outcome, dtype=np.float64)
        s = np.asarray(score, dtype=np.float64)
        eligible = np.bincount(codes, weights=y) >= minimum_purchases
        kept = np.flatnonzero(eligible[codes]) if len(codes) else np.empty(0, dtype=np.intp)
        narrow = codes.astype(np.min_scalar_type(len(eligible)))  # small integers sort fast
        rows = kept[np.lexsort((-s[kept], narrow[kept]))]
        new_product = np.diff(codes[rows], prepend=-1) != 0
        new_score = new_product.copy()
        new_score[1:] |= s[rows][1:] != s[rows][:-1]  # a difference of infinities is not a number
        ends = np.append(np.flatnonzero(new_score)[1:], len(rows)) - 1 if len(rows) else rows
        return cls(rows, y[rows], np.flatnonzero(new_product), ends)

    @classmethod
    def pooled(cls, outcome: ArrayLike, score: ArrayLike) -> "ProductRanking":
        """Sort all rows into one ranking, as if they were of one product; see `of`."""
        return cls.of(outcome, score, np.zeros(len(np.asarray(outcome))), 1)

    @property
    def products(self) -> int:
        """Number of eligible products."""
        return len(self.first)

    @property
    def purchases(self) -> int:
        """Number of purchases of eligible products."""
        return int(self.outcome.sum())

    def totals(self, weight: ArrayLike | None = None) -> "RunningTotals":
        """Count purchases and rows down the ranking.

        Args:
            weight: Weight of each row as given to `of`, shape (rows,); 1 each if left out.
        """
        w = np.ones(len(self.rows)) if weight is None else np.asarray(weight)[self.rows]
        start = np.searchsorted(self.tie_end, self.first)
        return RunningTotals(
            hits=np.concatenate(([0.0], np.cumsum(w * self.outcome)[self.tie_end])),
            shown=np.concatenate(([0.0], np.cumsum(w, dtype=np.float64)[self.tie_end])),
            start=start,
            end=np.append(start[1:], len(self.tie_end)),
        )

    def average_precision(self, weight: ArrayLike | None = None) -> float:
        """See `RunningTotals.average_precision`; rows weigh 1 each if no weight is given."""
        return float(self.totals(weight).average_precision())

    def roc_auc(self, weight: ArrayLike | None = None) -> float:
        """See `RunningTotals.roc_auc`; rows weigh 1 each if no weight is given."""
        return float(self.totals(weight).roc_auc())


@dataclass(frozen=True)
class RunningTotals:
    """Purchases and rows so far down each product's ranking, the highest scores first.

    Several weightings of the same rows may stand side by side: then each total has a column, and
    so has each metric.

    Attributes:
        hits: Purchases up to the end of each tie, 0 first, shape (ties + 1,) or
            (ties + 1, weightings).
        shown: Rows, likewise.
        start: Where each product starts in both, shape (products,).
        end: Where it ends, shape (products,).
    """

    hits: Floats
    shown: Floats
    start: NDArray[np.intp]
    end: NDArray[np.intp]

    def average_precision(self) -> Floats:
        """Average precision per product, averaged with the purchases as weights.

        With P_k and R_k the precision and recall after the k-th distinct score, AP is
        sum_k (R_k - R_{k-1}) P_k (Manning et al., Introduction to Information Retrieval, 8.4;
        the same steps as scikit-learn's average_precision_score). Weighted by the purchases, the
        products' denominators cancel.

        Returns:
            Shares in [0, 1], or NaN without an eligible purchase, shape () or (weightings,).
        """
        reached, gain = self._within_product(self.hits)
        shown, _ = self._within_product(self.shown)
        total = (self.hits[self.end] - self.hits[self.start]).sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.where(shown > 0, reached / shown, 0.0)
            return np.asarray((gain * precision).sum(axis=0) / total)

    def roc_auc(self) -> Floats:
        """Area under the ROC curve per product, averaged with the purchases as weights.

        It is the share of (bought, not bought) pairs of rows in the right order, ties counting
        one half (Hanley and McNeil, 1982). Products that everyone bought are left out.

        Returns:
            Shares in [0, 1], or NaN without an eligible product, shape () or (weightings,).
        """
        misses = self.shown - self.hits
        passed, step = self._within_product(misses)
        negatives = (misses[self.end] - misses[self.start])[self._product]
        below = negatives - passed + step / 2
        gain = np.where(negatives > 0, self._within_product(self.hits)[1], 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            right = np.where(negatives > 0, gain * below / negatives, 0.0)
            return np.asarray(right.sum(axis=0) / gain.sum(axis=0))

    def one_by_one(self) -> Iterator["RunningTotals"]:
        """Yield the totals of each weighting alone."""
        for hits, shown in zip(self.hits.T, self.shown.T, strict=True):
            yield RunningTotals(hits.copy(), shown.copy(), self.start, self.end)

    @property
    def _product(self) -> NDArray[np.intp]:
        """Product of each tie, shape (ties,)."""
        return np.repeat(np.arange(len(self.start)), self.end - self.start)

    def _within_product(self, total: Floats) -> tuple[Floats, Floats]:
        """A running total since the product's start at each end of a tie, and its last step."""
        before = total[self.start][self._product]
        reached = total[1:] - before
        return reached, reached - (total[:-1] - before)


def product_average_precision(
    outcome: ArrayLike,
    score: ArrayLike,
    product: ArrayLike,
    weight: ArrayLike | None = None,
    minimum_purchases: int = MINIMUM_PURCHASES,
) -> float:
    """The headline metric; see `RunningTotals.average_precision`.

    Examples:
        >>> score, product = [0.9, 0.5, 0.4, 0.1], ["tea", "tea", "jam", "jam"]
        >>> product_average_precision([1, 0, 0, 1], score, product, minimum_purchases=1)
        0.75
    """
    ranking = ProductRanking.of(outcome, score, product, minimum_purchases)
    return ranking.average_precision(weight)


def expected_calibration_error(
    outcome: ArrayLike,
    probability: ArrayLike,
    bins: int = 20,
    weight: ArrayLike | None = None,
) -> float:
    """Mean distance of probability and outcome rate over bins of equal mass, weighted by rows.

    Equal mass rather than equal width, because nearly all purchase probabilities are close to 0
    (Nixon et al., Measuring Calibration in Deep Learning, 2019). Equal probabilities share a bin.

    Args:
        outcome: 0 or 1 per row, shape (rows,).
        probability: Probabilities in [0, 1], shape (rows,).
        bins: Most bins to form.
        weight: How many rows each one stands for, shape (rows,); 1 each if left out.

    Returns:
        A distance in [0, 1], or NaN without rows.

    Examples:
        >>> round(expected_calibration_error([0, 0, 1, 1], [0.1, 0.1, 0.5, 0.9], bins=2), 3)
        0.2
    """
    y, p = np.asarray(outcome, dtype=np.float64), np.asarray(probability, dtype=np.float64)
    if not len(p):
        return float("nan")
    w = np.ones(len(p)) if weight is None else np.asarray(weight, dtype=np.float64)
    levels = np.linspace(0, 1, bins + 1)
    edges = np.unique(
        np.quantile(p, levels)
        if weight is None
        else np.quantile(p, levels, weights=w, method="inverted_cdf")
    )
    bin_of = np.searchsorted(edges[1:-1], p, side="right")
    gap = np.bincount(bin_of, weights=w * (p - y))
    return float(np.abs(gap).sum() / w.sum())


def evaluate(
    outcome: ArrayLike,
    probability: ArrayLike,
    product: ArrayLike,
    minimum_purchases: int = MINIMUM_PURCHASES,
    weight: ArrayLike | None = None,
) -> dict[str, float]:
    """Every metric of `METRICS`, with what it was measured on.

    Args:
        outcome: 0 or 1 per row, shape (rows,).
        probability: Probabilities in [0, 1], shape (rows,).
        product: Product of each row, shape (rows,).
        minimum_purchases: Products bought less often don't count in the product metrics.
        weight: How many candidate rows each row stands for, shape (rows,), 1 for every purchase;
            1 each if left out.

    Returns:
        `rows`, `purchases`, `products` (eligible ones), `purchases_covered` (the share of the
        purchases that eligible products hold) and the metrics; NaN where one is not defined.
    """
    y, p = np.asarray(outcome, dtype=np.float64), np.asarray(probability, dtype=np.float64)
    ranking = ProductRanking.of(y, p, product, minimum_purchases)
    purchases = y.sum()
    size = {
        "rows": len(y),
        "purchases": int(purchases),
        "products": ranking.products,
        "purchases_covered": float(ranking.purchases / purchases) if purchases else float("nan"),
    }
    totals = ranking.totals(weight)
    within = {
        HEADLINE: float(totals.average_precision()),
        "product_roc_auc": float(totals.roc_auc()),
    }
    values = _pooled(y, p, weight) | within  # where one outcome is absent, all pooled ones are NaN
    return size | {name: values[name] for name in METRICS}


def _pooled(outcome: Floats, probability: Floats, weight: ArrayLike | None) -> dict[str, float]:
    """Metrics over all rows together; NaN where a class is absent."""
    if not 0 < outcome.sum() < len(outcome):
        return dict.fromkeys(METRICS, float("nan"))
    given, drawn = (outcome, probability), {"sample_weight": weight}
    # scikit-learn's functions would sort the rows once for each metric.
    totals = ProductRanking.pooled(*given).totals(weight)
    return {
        "average_precision": float(totals.average_precision()),
        "roc_auc": float(totals.roc_auc()),
        "log_loss": float(log_loss(*given, **drawn)),
        "brier_score": float(brier_score_loss(*given, **drawn)),
        "expected_calibration_error": expected_calibration_error(
            outcome, probability, weight=weight
        ),
    }


def headline_by_segment(measured: pd.DataFrame) -> dict[str, float]:
    """The headline of all rows under its own name, of the other segments with theirs appended.

    Args:
        measured: What `evaluate_segments` gives, or means of it, indexed by segment.
    """
    names = {segment: f"{HEADLINE}_{segment}" for segment in SEGMENTS} | {"all": HEADLINE}
    headline = measured[HEADLINE]
    return {name: float(headline[segment]) for segment, name in names.items()}


def evaluate_segments(
    frame: pd.DataFrame, probability: ArrayLike, minimum_purchases: int = MINIMUM_PURCHASES
) -> pd.DataFrame:
    """`evaluate` for all rows, repeat rows (bought before) and explore rows (never bought).

    Args:
        frame: A feature frame, or any rows with outcome, variant_id and ordered_before; where it
            has sampling weights, rows count by them.
        probability: Probabilities of its rows, shape (rows,).
        minimum_purchases: As in `evaluate`.

    Returns:
        One row per segment, the column `segment` first.
    """
    given = np.asarray(probability, dtype=np.float64)
    falling = np.argsort(-given, kind="stable")  # once, as each ranking sorts sorted rows fast
    p, y = given[falling], frame[OUTCOME].to_numpy()[falling]
    product = pd.factorize(frame[PRODUCT])[0][falling]
    weight = row_weights(frame)
    w = None if weight is None else weight[falling]
    repeat = frame[ORDERED_BEFORE].to_numpy()[falling] > 0
    masks = {"all": np.ones(len(p), dtype=bool), "repeat": repeat, "explore": ~repeat}
    segments = []
    for segment, mask in masks.items():
        weighed = None if w is None else w[mask]
        measured = evaluate(y[mask], p[mask], product[mask], minimum_purchases, weighed)
        segments.append({"segment": segment} | measured)
    return pd.DataFrame(segments)
