"""Nodes of `data_processing` that put steps of the domain together."""

import pandas as pd

from push_propensity.frame import split as splits
from push_propensity.frame.split import FoldOptions, SplitOptions


def keep_large_orders(feature_frame: pd.DataFrame, split: SplitOptions) -> pd.DataFrame:
    """Keep the rows of orders with at least `minimum_items` purchases, in canonical order."""
    return splits.keep_large_orders(feature_frame, split.minimum_items, split.basket)


def plan_split(
    kept_orders: pd.DataFrame, split: SplitOptions, folds: FoldOptions
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give each day its part and cut the folds.

    One node for both, so that a file that allows one but not the other replaces no earlier result.
    """
    days = splits.plan_split(kept_orders, split)
    splits.require_unsampled_windows(kept_orders, days)
    cut = splits.cut_folds(days, folds)
    splits.require_ranked_products(kept_orders, days, cut, split)
    return days, cut
