"""Numbers bounded to what training saw, so that no score follows a feature to where nothing was."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from push_propensity.frame.columns import FEATURE_OF, pick_numbers

HIGHEST_PERCENTILE = 99.0  # of what grows for whoever stays away


def training_bounds(frame: pd.DataFrame, features: Iterable[str]) -> dict[str, tuple[float, float]]:
    """Say between which values each number lies that a model may learn from.

    Args:
        frame: The rows to train on.
        features: Columns of the frame; categories among them have no bounds.

    Returns:
        The lowest and the highest value of each number in these rows, rounded to float32, which
        graphs compute in. Of a time since something happened the highest is the 99th percentile:
        few rows are beyond it, and those scored later are.

    Examples:
        >>> frame = pd.DataFrame({"count_pets": [0.0, 4.0], "days_since_order": [1.0, 101.0]})
        >>> training_bounds(frame, frame.columns)
        {'count_pets': (0.0, 4.0), 'days_since_order': (1.0, 100.0)}
    """
    return {name: _bounds(frame[name], FEATURE_OF[name].since) for name in pick_numbers(features)}


def _bounds(values: "pd.Series[float]", since: bool) -> tuple[float, float]:
    low, high = np.percentile(values, [0.0, HIGHEST_PERCENTILE if since else 100.0])
    return float(np.float32(low)), float(np.float32(high))
