"""Nodes of the `point_in_time_check` pipeline."""

import logging

import ibis.expr.types as ir
import pandas as pd

from push_propensity.features import FeatureOptions
from push_propensity.features.point_in_time import check
from push_propensity.features.point_in_time.check import PointInTimeOptions

logger = logging.getLogger(__name__)


def check_point_in_time(
    feature_options: FeatureOptions,
    point_in_time: PointInTimeOptions,
    **tables: ir.Table | None,
) -> pd.DataFrame:
    """Return per cutoff and column how many rows change when everything from then on is replaced.

    Raises:
        DataError: A raw table cannot be used, or there are no rows to compare.
    """
    return check.tabulate(check.check_point_in_time(tables, feature_options, point_in_time))


def require_no_look_ahead(checked: pd.DataFrame) -> None:
    """Log that no row changed.

    Raises:
        DataError: Rows changed; see `check.require_no_look_ahead`.
    """
    check.require_no_look_ahead(checked)
    logger.info(
        "Features come from the past: %d columns at %d cutoffs, no row of %s changed.",
        checked["column"].nunique(),
        checked["cutoff"].nunique(),
        f"{checked.groupby('cutoff')['rows'].max().sum():,}",
    )
