"""Nodes of the `sample_frame` pipeline."""

import ibis.expr.types as ir
import pandas as pd

from push_propensity.simulation.compact import round_significant


def round_features(feature_frame: ir.Table) -> pd.DataFrame:
    """Return the frame with its floats rounded, so that its CSV file is small."""
    return round_significant(feature_frame.to_pandas())
