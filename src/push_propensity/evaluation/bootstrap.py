"""The bootstrap over users: weights of the rows for each resample, and intervals from the draws.

Measure several models on the same weights and their differences are paired.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def user_weights(user: ArrayLike, resamples: int, seed: int) -> Iterator[Floats]:
    """Draw users with replacement, all rows of a user together.

    A user's rows are not independent (cluster bootstrap; Field and Welsh, 2007).

    Args:
        user: User of each row, shape (rows,).
        resamples: How many resamples to draw.
        seed: Seed of the draws.

    Yields:
        How often each row was drawn, shape (rows,).
    """
    codes, users = pd.factorize(np.asarray(user))
    generator = np.random.default_rng(seed)
    for _ in range(resamples):
        drawn = generator.integers(len(users), size=len(users))
        yield np.bincount(drawn, minlength=len(users))[codes].astype(np.float64)


def interval(resampled: ArrayLike, value: float, confidence: float) -> tuple[float, float]:
    """Percentile interval of resampled values, moved so that their mean lies on the value.

    A buyer who is drawn twice counts twice at the same rank, which raises average precision in
    the resamples but not in the data; centring takes that bias out (Efron and Tibshirani, An
    Introduction to the Bootstrap, 1993, chapter 10). The interval speaks of windows of this size:
    the average precision of few purchases is higher by luck alone.

    Args:
        resampled: The metric on each resample, shape (resamples,); undefined ones are left out.
        value: The metric on the data.
        confidence: Share of the resamples that the interval holds, in (0, 1).

    Returns:
        Both ends, or NaN twice where the metric is not defined.
    """
    drawn = np.asarray(resampled, dtype=np.float64)
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn) or not np.isfinite(value):
        return float("nan"), float("nan")
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn - drawn.mean(), [tail, 1 - tail])
    return float(value + low), float(value + high)


def judge(low: float, high: float, *, lower_is_better: bool = False) -> str:
    """Say whether an interval of a difference lies above 0, below 0 or holds it.

    Returns:
        `better`, `worse` or `noise`; an undefined interval is `noise`.
    """
    if lower_is_better:
        low, high = -high, -low
    if low > 0:
        return "better"
    return "worse" if high < 0 else "noise"
