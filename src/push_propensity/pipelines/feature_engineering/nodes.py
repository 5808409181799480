"""The node of `feature_engineering` that puts two steps of the domain together."""

import ibis.expr.types as ir

from push_propensity import features
from push_propensity.features import FeatureOptions, RawTables
from push_propensity.frame.split import SplitOptions


def build_feature_frame(
    raw: RawTables, feature_options: FeatureOptions, split: SplitOptions
) -> ir.Table:
    """Return the feature frame, still lazy; of the training days a sample, if that is asked for."""
    first_whole_day = features.find_first_whole_day(raw, feature_options, split)
    return features.build_feature_frame(raw, feature_options, first_whole_day)
