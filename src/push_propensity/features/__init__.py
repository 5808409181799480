"""From raw tables to the feature frame, as Ibis expressions."""

from push_propensity.features.frame import build_current_frame, build_feature_frame
from push_propensity.features.options import FeatureOptions
from push_propensity.features.raw_tables import RawTables, read_raw_tables

__all__ = [
    "FeatureOptions",
    "RawTables",
    "build_current_frame",
    "build_feature_frame",
    "read_raw_tables",
]
