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


def take_current_frame(
    current_frame: pd.DataFrame | None, test: pd.DataFrame, **models: PurchaseModel
) -> pd.DataFrame:
    """Return the current frame if the candidates can score it and it is of these data.

    Args:
        current_frame: The features of every active user; None where there is no such frame.
        test: The test part: a frame from before its last day, or without most of its users, is of
            other data.
        **models: The fitted entries.

    Returns:
        The frame, or one without rows.
    """
    if current_frame is None or current_frame.empty:
        return pd.DataFrame()
    needed = {name for model in _candidates(models) for name in model.features}
    if lacking := needed - set(current_frame.columns):
        problem = f"lacks {len(lacking)} features of the models"
    elif current_frame[CREATED_AT].max() < test[CREATED_AT].max().normalize():
        problem = "is older than the latest orders"
    elif test[USER].isin(current_frame[USER]).mean() < LEAST_SHARED:
        problem = "is of other users than the test part"
    else:
        return current_frame
    logger.warning(
        "The current frame %s and is left out of the report. "
        "Make it anew: kedro run --pipelines current_frame,reporting.",
        problem,
    )
    return pd.DataFrame()


def _candidates(models: Mapping[str, PurchaseModel]) -> list[PurchaseModel]:
    return [model for model in models.values() if FAMILIES[model.name].kind == "candidate"]


def rank_who_left(users_of_today: pd.DataFrame, **models: PurchaseModel) -> pd.DataFrame:
    """Say how each candidate ranks users who last bought a product longer ago than any in training.

    Args:
        users_of_today: From `take_current_frame`.
        **models: The fitted entries.

    Returns:
        One row per candidate: entry, as_of, longest (days, the most that training saw), pairs of
        user and product, `left` (the share of pairs last bought longer ago), `left_of_top` (their
        share of the likeliest 2 % of each product's users), and the mean probability of all pairs
        and of those left. No rows where the frame has none.
    """
    rows = [_rank(users_of_today, model) for model in _candidates(models) if len(users_of_today)]
    return pd.DataFrame(rows, columns=list(RANKS))


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
    users_of_today: pd.DataFrame, winner: Mapping[str, Any], **models: PurchaseModel
) -> pd.DataFrame:
    """Say which of the winner's inputs lie outside of what it learned from, and how many.

    Args:
        users_of_today: From `take_current_frame`.
        winner: With the name of the winner as `candidate`.
        **models: The fitted entries.

    Returns:
        One row per number that has values outside, the most first: feature, low, high (the values
        that count at the least and at the most) and the share `outside`.
    """
    rows = [
        (name, low, high, 1 - users_of_today[name].astype("float32").between(low, high).mean())
        for name, (low, high) in models[winner["candidate"]].bounds.items()
        if len(users_of_today)
    ]
    table = pd.DataFrame(rows, columns=list(RANGES))
    return table[table["outside"] > 0].sort_values("outside", ascending=False, ignore_index=True)
