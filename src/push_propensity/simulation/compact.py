"""Making a feature frame small enough to ship."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

DIGITS = 6


def round_significant(frame: pd.DataFrame, digits: int = DIGITS) -> pd.DataFrame:
    """Return the frame with its float columns rounded to significant digits."""
    floats = frame.select_dtypes("float64")
    return frame.assign(**{str(name): _round(floats[name].to_numpy(), digits) for name in floats})


def _round(values: NDArray[np.float64], digits: int) -> NDArray[np.float64]:
    # Through text: scaling by powers of ten would leave digits of its own error behind.
    distinct, inverse = np.unique(values, return_inverse=True)
    return np.array([float(f"{value:.{digits}g}") for value in distinct])[inverse]
