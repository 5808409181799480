"""Nodes of the `feature_engineering` pipeline."""

import ibis.expr.types as ir

from push_propensity import features
from push_propensity.features import FeatureOptions, RawTables
from push_propensity.frame.split import SplitOptions


def read_raw_tables(feature_options: FeatureOptions, **tables: ir.Table | None) -> RawTables:
    """Check the raw tables, of which all but orders and inventory may be absent.

    Raises:
        DataError: A raw table cannot be used; see `features.read_raw_tables`.
    """
    return features.read_raw_tables(tables, feature_options)


def build_feature_frame(
    raw: RawTables, feature_options: FeatureOptions, split: SplitOptions
) -> ir.Table:
    """Return the feature frame, still lazy; of the training days a sample, if that is asked for."""
    first_whole_day = features.find_first_whole_day(raw, feature_options, split)
    return features.build_feature_frame(raw, feature_options, first_whole_day)
