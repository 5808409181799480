"""Nodes of training."""

import pandas as pd

from push_propensity.frame.columns import choose_features
from push_propensity.selection.choice import SelectionOptions


def pick_features(
    training_window: pd.DataFrame, selection_options: SelectionOptions
) -> tuple[str, ...]:
    """Name the features that the candidate uses: those that the selection compared it with."""
    return choose_features(training_window.columns, selection_options.features)
