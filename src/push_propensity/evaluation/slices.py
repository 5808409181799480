"""Quality in parts of the test window: by product type, new users, new products, and week."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from push_propensity.evaluation.metrics import (
    HEADLINE,
    ProductRanking,
    evaluate,
    product_average_precision,
)
from push_propensity.evaluation.options import ReportOptions
from push_propensity.evaluation.uncertainty import headline_measure
from push_propensity.frame.columns import (
    DAYS_SINCE_FIRST_SALE,
    ORDER_DATE,
    ORDERED_BEFORE,
    OUTCOME,
    PRODUCT,
    PRODUCT_TYPE,
    USER,
)

DIMENSIONS = ("product_type", "user", "product", "week")
NEW, KNOWN = "second order", "third order or later"
NEW_PRODUCT, KNOWN_PRODUCT = "in its first 28 days", "sold for longer"
NEW_DAYS = 28
OTHER_TYPES = "all other types"


def labels(scores: pd.DataFrame, minimum_purchases: int) -> pd.DataFrame:
    """Which slice of each dimension a row belongs to.

    Args:
        scores: Rows with product_type, user_order_seq, order_date, ordered_before and outcome, and
            days_since_first_sale where the frame has it.
        minimum_purchases: Product types bought less often are one slice together.

    Returns:
        Columns product_type, user (second order, or later: a user's first order has no history),
        week (its Monday, YYYY-MM-DD), segment (repeat or explore) and, where it is known, product
        (in its first 28 days, or sold for longer); same index.
    """
    kind = scores[PRODUCT_TYPE].astype(str)
    common = scores[OUTCOME].groupby(kind).transform("sum") >= minimum_purchases
    day = pd.to_datetime(scores[ORDER_DATE])
    monday = day.dt.normalize() - pd.to_timedelta(day.dt.day_of_week, unit="D")
    named = pd.DataFrame(
        {
            "product_type": kind.where(common, OTHER_TYPES),
            "user": np.where(scores["user_order_seq"] <= 2, NEW, KNOWN),
            "week": monday.dt.strftime("%Y-%m-%d"),
            "segment": np.where(scores[ORDERED_BEFORE] > 0, "repeat", "explore"),
        },
        index=scores.index,
    )
    if DAYS_SINCE_FIRST_SALE in scores:
        is_new = scores[DAYS_SINCE_FIRST_SALE] < NEW_DAYS
        named["product"] = np.where(is_new, NEW_PRODUCT, KNOWN_PRODUCT)
    return named


def measure_slices(
    test_scores: pd.DataFrame, winner: Mapping[str, Any], report_options: ReportOptions
) -> pd.DataFrame:
    """Metrics of the winner in every slice.

    Args:
        test_scores: From `score_entries`.
        winner: With the name of the winner as `candidate`.
        report_options: The resamples; of the whole window's users, for every slice the same.

    Returns:
        Rows of dimension, slice, rows, purchases, products, purchases_covered, the metrics,
        product_average_precision_low and _high (cut to [0, 1]), and no_skill: the headline metric
        of scores that are all equal there. NaN where a slice has too few purchases.
    """
    resamples = report_options.resample(test_scores[USER])
    user = resamples.positions(test_scores[USER])
    columns = (test_scores[c].to_numpy() for c in (OUTCOME, winner["candidate"], PRODUCT))
    y, p, product = columns
    rows = []
    names = labels(test_scores, report_options.minimum_slice_purchases)
    for dimension, name, part in parts(names, DIMENSIONS):
        given = y[part], p[part], product[part]
        measure = headline_measure(ProductRanking.of(*given), user[part], resamples)
        drawn, measured = resamples.measure(measure), evaluate(*given)
        low, high = resamples.interval_of_share(drawn[HEADLINE], measured[HEADLINE])
        ends = {f"{HEADLINE}_low": low, f"{HEADLINE}_high": high}
        flat = product_average_precision(y[part], np.zeros(len(part)), product[part])
        key = {"dimension": dimension, "slice": name}
        rows.append(key | measured | ends | {"no_skill": flat})
    return pd.DataFrame(rows)


def parts(
    names: pd.DataFrame, dimensions: Sequence[str]
) -> Iterator[tuple[str, str, NDArray[np.intp]]]:
    """Yield dimension, slice and positions of the rows of every slice of some dimensions.

    Args:
        names: From `labels`.
        dimensions: Columns of it; those that are not there have no slices.
    """
    for dimension in (name for name in dimensions if name in names):
        for name, rows in names.groupby(dimension, sort=True).indices.items():
            yield dimension, str(name), np.asarray(rows)
