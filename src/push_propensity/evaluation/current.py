"""What models say about the users of today, who are not those that they learned from.

Models learn from users who order; scored is every active user, also one who has long stayed away.
"""

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from push_propensity.frame.columns import CREATED_AT, DAYS_SINCE_PURCHASE, PRODUCT, USER
from push_propensity.models.families import FAMILIES
from push_propensity.models.purchase_model import PurchaseModel

logger = logging.getLogger(__name__)

LEAST_SHARED = 0.5  # of the latest rows, whose users are active still
TOP_SHARE = 0.02  # of each product's users, the likeliest first
RANKS = ("entry", "as_of", "longest", "pairs", "left", "left_of_top", "mean", "mean_of_left")
RANGES = ("feature", "low", "high", "outside")


def rank_who_left(
    current_frame: pd.DataFrame | None, test: pd.DataFrame, **models: PurchaseModel
) -> pd.DataFrame:
    """Say how each candidate ranks users who last bought a product longer ago than any in training.

    Args:
        current_frame: The features of every active user; None where there is no such frame.
        test: The test part: a frame from before its last day, or without most of its users, is
            of other data and not looked at.
        **models: The fitted entries.

    Returns:
        One row per candidate: entry, as_of, longest (days, the most that training saw), pairs of
        user and product, `left` (the share of pairs last bought longer ago), `left_of_top` (their
        share of the likeliest 2 % of each product's users), and the mean probability of all pairs
        and of those left. No rows without a current frame that has the models' features.
    """
    candidates = [model for model in models.values() if FAMILIES[model.name].kind == "candidate"]
    frame = _usable(current_frame, test, candidates)
    if frame is None:
        return pd.DataFrame(columns=list(RANKS))
    return pd.DataFrame([_rank(frame, model) for model in candidates], columns=list(RANKS))


def _rank(frame: pd.DataFrame, model: PurchaseModel) -> dict[str, Any]:
    probability = pd.Series(model.predict(frame))
    left = frame[DAYS_SINCE_PURCHASE].to_numpy() > model.longest
    users = probability.groupby(frame[PRODUCT].to_numpy())
    position = users.rank(ascending=False, method="first")
    top = (position <= np.ceil(TOP_SHARE * users.transform("size"))).to_numpy()
    return {
        "entry": model.name,
        "as_of": f"{frame[CREATED_AT].max():%Y-%m-%d %H:%M}",
        "longest": model.longest,
        "pairs": len(frame),
        "left": left.mean(),
        "left_of_top": left[top].mean(),
        "mean": probability.mean(),
        "mean_of_left": probability[left].mean(),
    }


def count_outside(
    current_frame: pd.DataFrame | None,
    test: pd.DataFrame,
    winner: Mapping[str, Any],
    **models: PurchaseModel,
) -> pd.DataFrame:
    """Say which of the winner's inputs lie outside of what it learned from, and how many.

    Args:
        current_frame: The features of every active user; None where there is no such frame.
        test: The test part: a frame from before its last day, or without most of its users, is
            of other data and not looked at.
        winner: With the name of the winner as `candidate`.
        **models: The fitted entries.

    Returns:
        One row per number that has values outside, the most first: feature, low, high (the values
        that count at the least and at the most) and the share `outside`.
    """
    model = models[winner["candidate"]]
    frame = _usable(current_frame, test, [model])
    if frame is None:
        return pd.DataFrame(columns=list(RANGES))
    rows = [
        (name, low, high, 1 - frame[name].astype("float32").between(low, high).mean())
        for name, (low, high) in model.bounds.items()
    ]
    table = pd.DataFrame(rows, columns=list(RANGES))
    return table[table["outside"] > 0].sort_values("outside", ascending=False, ignore_index=True)


def _usable(
    frame: pd.DataFrame | None, test: pd.DataFrame, models: list[PurchaseModel]
) -> pd.DataFrame | None:
    """Return the frame if it can be scored and is of these data."""
    if frame is None or frame.empty:
        return None
    lacking = {name for model in models for name in model.features} - set(frame.columns)
    if lacking:
        problem = f"lacks {len(lacking)} features of the models"
    elif frame[CREATED_AT].max() < test[CREATED_AT].max().normalize():
        problem = "is older than the latest orders"
    elif test[USER].isin(frame[USER]).mean() < LEAST_SHARED:
        problem = "is of other users than the test part"
    else:
        return frame
    logger.warning(
        "The current frame %s and is left out of the report. "
        "Make it anew: kedro run --pipelines current_frame,reporting.",
        problem,
    )
    return None
