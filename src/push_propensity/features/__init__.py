"""From raw tables to the feature frame, as Ibis expressions, a module for each group of features.

What the frame's columns mean and may hold is in `frame`; where tables come from, in `ingestion`.
"""

from push_propensity.features.build import build_current_frame, build_feature_frame
from push_propensity.features.options import CurrentOptions, FeatureOptions
from push_propensity.features.raw_tables import RawTables, read_raw_tables
from push_propensity.features.sampling import find_first_whole_day
from push_propensity.features.update import extend_feature_frame

__all__ = [
    "CurrentOptions",
    "FeatureOptions",
    "RawTables",
    "build_current_frame",
    "build_feature_frame",
    "extend_feature_frame",
    "find_first_whole_day",
    "read_raw_tables",
]
