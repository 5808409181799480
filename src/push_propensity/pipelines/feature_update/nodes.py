"""Nodes of the `feature_update` pipeline."""

import ibis.expr.types as ir

from push_propensity import features
from push_propensity.features import FeatureOptions, RawTables


def extend_feature_frame(
    raw: RawTables, frame_so_far: ir.Table, feature_options: FeatureOptions
) -> ir.Table:
    """Add the rows of the orders that came after the frame's latest one.

    Raises:
        DataError: The frame must be built anew; see `features.extend_feature_frame`.
    """
    return features.extend_feature_frame(raw, frame_so_far, feature_options)
