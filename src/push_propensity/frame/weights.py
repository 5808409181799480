"""How many candidate rows a row of a sampled frame stands for, and which products are ranked."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from push_propensity.frame.columns import SAMPLING_WEIGHT

Floats = NDArray[np.float64]

MINIMUM_PURCHASES = 5  # products bought less often are not ranked


def row_weights(frame: pd.DataFrame) -> Floats | None:
    """Return how many candidate rows each row stands for, shape (rows,); None: itself alone.

    Examples:
        >>> row_weights(pd.DataFrame({"sampling_weight": [1, 4]})).tolist()
        [1.0, 4.0]
        >>> row_weights(pd.DataFrame({"outcome": [1, 0]})) is None
        True
    """
    if SAMPLING_WEIGHT not in frame:
        return None
    weight = frame[SAMPLING_WEIGHT].to_numpy(dtype=np.float64)
    return None if (weight == 1).all() else weight
