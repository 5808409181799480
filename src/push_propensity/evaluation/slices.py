"""Quality in parts of the test window: by product type, new and known users, and week."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from push_propensity.evaluation.bootstrap import interval, user_weights
from push_propensity.evaluation.metrics import HEADLINE, ProductRanking, evaluate
from push_propensity.frame.columns import (
    ORDER_DATE,
    OUTCOME,
    PRODUCT,
    PRODUCT_TYPE,
    USER,
)

DIMENSIONS = ("product_type", "user", "week")
NEW, KNOWN = "second order", "third order or later"


def labels(scores: pd.DataFrame) -> pd.DataFrame:
    """Which slice of each dimension a row belongs to.

    Args:
        scores: Rows with product_type, user_order_seq and order_date.

    Returns:
        Columns product_type, user (second order, or later: a user's first order has no history)
        and week (its Monday, YYYY-MM-DD); same index.
    """
    day = pd.to_datetime(scores[ORDER_DATE])
    monday = day.dt.normalize() - pd.to_timedelta(day.dt.day_of_week, unit="D")
    return pd.DataFrame(
        {
            "product_type": scores[PRODUCT_TYPE].astype(str),
            "user": np.where(scores["user_order_seq"] <= 2, NEW, KNOWN),
            "week": monday.dt.strftime("%Y-%m-%d"),
        },
        index=scores.index,
    )


def measure(
    scores: pd.DataFrame, entry: str, *, resamples: int, seed: int, confidence: float
) -> pd.DataFrame:
    """Metrics of one entry in every slice.

    Args:
        scores: One row per (order, product): outcome, keys and probabilities.
        entry: Column of probabilities.
        resamples: Resamples of users for the interval of the headline metric.
        seed: Seed of the draws.
        confidence: Of the interval, in (0, 1).

    Returns:
        Rows of dimension, slice, rows, purchases, products, purchases_covered, the metrics,
        product_average_precision_low and _high (cut to [0, 1]), and no_skill: the headline metric
        of scores that are all equal there. NaN where a slice has too few purchases.
    """
    rows = []
    for dimension, name, part in _parts(scores):
        y, p, product = (part[c].to_numpy() for c in (OUTCOME, entry, PRODUCT))
        ranking = ProductRanking.of(y, p, product)
        drawn = [ranking.average_precision(w) for w in user_weights(part[USER], resamples, seed)]
        measured = evaluate(y, p, product)
        low, high = np.clip(interval(drawn, measured[HEADLINE], confidence), 0.0, 1.0)
        ends = {f"{HEADLINE}_low": low, f"{HEADLINE}_high": high}
        flat = ProductRanking.of(y, np.zeros(len(y)), product).average_precision()
        key = {"dimension": dimension, "slice": name}
        rows.append(key | measured | ends | {"no_skill": flat})
    return pd.DataFrame(rows)


def _parts(scores: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    names = labels(scores)
    for dimension in DIMENSIONS:
        for name, rows in names.groupby(dimension, sort=True).indices.items():
            yield dimension, str(name), scores.iloc[rows]
