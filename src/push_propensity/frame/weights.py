"""How many candidate rows a row of a sampled frame stands for, and which products are ranked."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from push_propensity.frame.columns import SAMPLING_WEIGHT

Floats = NDArray[np.float64]

MINIMUM_PURCHASES = 5  # products bought less often are not ranked


def row_weights(frame: pd.DataFrame) -> Floats | None:
    """How many candidate rows each row stands for, shape (rows,), or None if for itself alone."""
    if SAMPLING_WEIGHT not in frame:
        return None
    weight = frame[SAMPLING_WEIGHT].to_numpy(dtype=np.float64)
    return None if (weight == 1).all() else weight
