"""Nodes of the `current_frame` pipeline."""

import ibis.expr.types as ir

from push_propensity import features
from push_propensity.features import CurrentOptions, FeatureOptions, RawTables


def build_current_frame(
    raw: RawTables, feature_options: FeatureOptions, current: CurrentOptions
) -> ir.Table:
    """Return the features of every active user and chosen product as of a time, still lazy.

    Raises:
        DataError: A chosen product is not listed; see `features.build_current_frame`.
    """
    return features.build_current_frame(raw, feature_options, current)
