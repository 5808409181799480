"""How good probabilities are: within a product, pooled, and how well they are calibrated.

The sales team fixes the product first, so the headline metric ranks users within a product:
*product average precision*. The unit is a row (order x product).

Where rows without a purchase were sampled, each row counts by its `sampling_weight`, the inverse of
its probability of being drawn (Horvitz and Thompson, 1952), so that sums over the sample estimate
those over all candidate rows without bias. Metrics that are ratios of such sums are consistent;
average precision is too high where a product's purchases stand above only few drawn rows.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

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
        rows = kept[np.lexsort((-s[kept], codes[kept]))]
        new_product = np.diff(codes[rows], prepend=-1) != 0
        new_score = new_product.copy()
        new_score[1:] |= s[rows][1:] != s[rows][:-1]  # a difference of infinities is no number
        ends = np.append(np.flatnonzero(new_score)[1:], len(rows)) - 1 if len(rows) else rows
        return cls(rows, y[rows], np.flatnonzero(new_product), ends)

    @property
    def products(self) -> int:
        """Number of eligible products."""
        return len(self.first)

    @property
    def purchases(self) -> int:
        """Number of purchases of eligible products."""
        return int(self.outcome.sum())

    def average_precision(self, weight: ArrayLike | None = None) -> float:
        """Average precision per product, averaged with the purchases as weights.

        With P_k and R_k the precision and recall after the k-th distinct score, AP is
        sum_k (R_k - R_{k-1}) P_k (Manning et al., Introduction to Information Retrieval, 8.4;
        the same steps as scikit-learn's average_precision_score). Weighted by the purchases, the
        products' denominators cancel.

        Args:
            weight: Weight of each row as given to `of`, shape (rows,); 1 each if left out.

        Returns:
            A share in [0, 1], or NaN without an eligible purchase.
        """
        hits, misses = self._counts(weight)
        reached, shown = self._since_first(hits), self._since_first(hits + misses)
        gain = self._step(reached)
        with np.errstate(invalid="ignore", divide="ignore"):
            precision = np.where(shown > 0, reached / shown, 0.0)
        total = hits.sum()
        return float((gain * precision).sum() / total) if total > 0 else float("nan")

    def roc_auc(self, weight: ArrayLike | None = None) -> float:
        """Area under the ROC curve per product, averaged with the purchases as weights.

        It is the share of (bought, not bought) pairs of rows in the right order, ties counting
        one half (Hanley and McNeil, 1982). Products that everyone bought are left out.

        Returns:
            A share in [0, 1], or NaN without an eligible product.
        """
        hits, misses = self._counts(weight)
        if not len(hits):
            return float("nan")
        per_product = np.add.reduceat(misses, self.first)
        negatives = per_product[np.searchsorted(self.first, self.tie_end, side="right") - 1]
        passed = self._since_first(misses)
        below = negatives - passed + self._step(passed) / 2
        gain = np.where(negatives > 0, self._step(self._since_first(hits)), 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            right = np.where(negatives > 0, gain * below / negatives, 0.0)
        return float(right.sum() / gain.sum()) if gain.sum() > 0 else float("nan")

    def _counts(self, weight: ArrayLike | None) -> tuple[Floats, Floats]:
        """Weighted purchases and non-purchases of the sorted rows."""
        w = 1.0 if weight is None else np.asarray(weight, dtype=np.float64)[self.rows]
        return w * self.outcome, w * (1.0 - self.outcome)

    def _since_first(self, values: Floats) -> Floats:
        """Cumulative sum within the product, at each end of a tie."""
        total = np.concatenate(([0.0], np.cumsum(values)))
        product = np.searchsorted(self.first, self.tie_end, side="right") - 1
        return np.asarray(total[self.tie_end + 1] - total[self.first[product]])

    def _step(self, cumulative: Floats) -> Floats:
        """How much a cumulative sum of `_since_first` grew with each tie."""
        product = np.searchsorted(self.first, self.tie_end, side="right") - 1
        before = np.where(np.diff(product, prepend=-1) != 0, 0.0, np.roll(cumulative, 1))
        return cumulative - before


def product_average_precision(
    outcome: ArrayLike,
    score: ArrayLike,
    product: ArrayLike,
    weight: ArrayLike | None = None,
    minimum_purchases: int = MINIMUM_PURCHASES,
) -> float:
    """The headline metric; see `ProductRanking.average_precision`."""
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
    within = {
        HEADLINE: ranking.average_precision(weight),
        "product_roc_auc": ranking.roc_auc(weight),
    }
    values = _pooled(y, p, weight) | within  # where one outcome is absent, all pooled ones are NaN
    return size | {name: values[name] for name in METRICS}


def _pooled(outcome: Floats, probability: Floats, weight: ArrayLike | None) -> dict[str, float]:
    """Metrics over all rows together; NaN where a class is absent."""
    if not 0 < outcome.sum() < len(outcome):
        return dict.fromkeys(METRICS, float("nan"))
    given, drawn = (outcome, probability), {"sample_weight": weight}
    return {
        "average_precision": float(average_precision_score(*given, **drawn)),
        "roc_auc": float(roc_auc_score(*given, **drawn)),
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
    p = np.asarray(probability, dtype=np.float64)
    repeat = frame[ORDERED_BEFORE].to_numpy() > 0
    masks = {"all": np.ones(len(frame), dtype=bool), "repeat": repeat, "explore": ~repeat}
    y, product, weight = frame[OUTCOME].to_numpy(), frame[PRODUCT].to_numpy(), row_weights(frame)
    rows = []
    for segment, mask in masks.items():
        w = None if weight is None else weight[mask]
        measured = evaluate(y[mask], p[mask], product[mask], minimum_purchases, w)
        rows.append({"segment": segment} | measured)
    return pd.DataFrame(rows)
