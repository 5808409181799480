"""Nodes of the `point_in_time_check` pipeline."""

import ibis.expr.types as ir
import pandas as pd

from push_propensity.features import FeatureOptions
from push_propensity.features.point_in_time import check
from push_propensity.features.point_in_time.check import PointInTimeOptions


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
