"""A window's rows with the probability that each entry gives them."""

from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from push_propensity.frame.columns import (
    CREATED_AT,
    ORDER,
    ORDER_DATE,
    ORDERED_BEFORE,
    OUTCOME,
    PRODUCT,
    PRODUCT_TYPE,
    USER,
)

KEYS = [
    ORDER,
    USER,
    PRODUCT,
    CREATED_AT,
    ORDER_DATE,
    PRODUCT_TYPE,
    "user_order_seq",
    ORDERED_BEFORE,
    OUTCOME,
]


class Contender(Protocol):
    """Anything that gives calibrated probabilities for rows of a feature frame.

    Attributes:
        name: What it is called on the leaderboard.
        features: The columns that it is given.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def features(self) -> tuple[str, ...]: ...  # noqa: D102

    def predict(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Probability of each row, shape (rows,)."""
        ...


def score_entries(frame: pd.DataFrame, **models: Contender) -> pd.DataFrame:
    """Score the rows of a window with every entry.

    Args:
        frame: A part of the feature frame.
        **models: The fitted entries.

    Returns:
        The keys, outcome and ordered_before of each row, then a column of probabilities per entry,
        named after it.
    """
    probabilities = {model.name: model.predict(frame) for model in models.values()}
    return frame[KEYS].assign(**probabilities).reset_index(drop=True)


def entries_of(scores: pd.DataFrame) -> list[str]:
    """Name the entries that `score_entries` scored."""
    return [str(name) for name in scores.columns if name not in KEYS]
