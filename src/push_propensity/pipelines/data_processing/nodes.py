"""Nodes of `data_processing` that put steps of the domain together."""

import pandas as pd

from push_propensity.frame import split as splits
from push_propensity.frame.quality import FrameQuality, QualityOptions, assess_frame
from push_propensity.frame.split import FoldOptions, SplitOptions, keep_large_orders


def filter_frame(
    feature_frame: pd.DataFrame, split: SplitOptions, quality: QualityOptions
) -> tuple[pd.DataFrame, FrameQuality]:
    """Keep the rows of orders with at least `minimum_items` purchases; assess the whole frame.

    One node for both, so that the largest input of a run is read once, and not beside what is kept.
    """
    assessed = assess_frame(feature_frame, quality)
    return keep_large_orders(feature_frame, split.minimum_items, split.basket), assessed


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
