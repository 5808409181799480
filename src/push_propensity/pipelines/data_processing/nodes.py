"""Nodes of `data_processing`: each one calls the domain."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go

from push_propensity.frame import quality
from push_propensity.frame import split as splits
from push_propensity.frame.quality import QualityOptions, QualityReport
from push_propensity.frame.split import FoldOptions, Split, SplitOptions
from push_propensity.reports.figures import data_quality as quality_figures


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


def summarise_split(
    train: pd.DataFrame, validation: pd.DataFrame, calibration: pd.DataFrame, test: pd.DataFrame
) -> dict[str, Any]:
    """Count days, orders, users, products and purchases of each part."""
    return splits.summarise_split(Split(train, validation, calibration, test))


def assess_quality(
    feature_frame: pd.DataFrame, split_days: pd.DataFrame, quality_options: QualityOptions
) -> dict[str, Any]:
    """Report on the quality of the whole frame, once it is known to be usable."""
    return quality.assess_quality(feature_frame, split_days, quality_options).model_dump(
        mode="json"
    )


def draw_quality(data_quality: dict[str, Any]) -> go.Figure:
    """Draw the data-quality report as a table."""
    return quality_figures.draw_quality(QualityReport.model_validate(data_quality))
