"""A window's rows with the probability that each entry gives them."""

import pandas as pd

from push_propensity.frame.columns import (
    CREATED_AT,
    DAYS_SINCE_FIRST_SALE,
    ORDER,
    ORDER_DATE,
    ORDERED_BEFORE,
    OUTCOME,
    PRODUCT,
    PRODUCT_TYPE,
    USER,
)
from push_propensity.models.purchase_model import PurchaseModel

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
OPTIONAL_KEYS = [DAYS_SINCE_FIRST_SALE]  # of frames that have them


def score_entries(frame: pd.DataFrame, **models: PurchaseModel) -> pd.DataFrame:
    """Score the rows of a window with every entry.

    Args:
        frame: A part of the feature frame.
        **models: The fitted entries.

    Returns:
        The columns of `KEYS`, those of `OPTIONAL_KEYS` that the frame has, then a column of
        probabilities per entry, named after it.
    """
    entries = {model.name: model for model in models.values()}
    probabilities = {name: model.predict(frame) for name, model in entries.items()}
    keys = [*KEYS, *(name for name in OPTIONAL_KEYS if name in frame)]
    return frame[keys].assign(**probabilities).reset_index(drop=True)


def entries_of(scores: pd.DataFrame) -> list[str]:
    """Name the entries that `score_entries` scored."""
    return [str(name) for name in scores.columns if name not in (*KEYS, *OPTIONAL_KEYS)]
