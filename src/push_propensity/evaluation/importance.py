"""Which features the model uses: what is lost when a column is shuffled."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from push_propensity.evaluation.metrics import ProductRanking
from push_propensity.frame.columns import ORDER, OUTCOME, PRODUCT


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


def sample_orders(frame: pd.DataFrame, orders: int, seed: int) -> pd.DataFrame:
    """Keep at most so many orders, all rows of each, in their order.

    Args:
        frame: Rows with order_id.
        orders: Most orders to keep.
        seed: Seed of the draw.
    """
    every = frame[ORDER].unique()
    if len(every) <= orders:
        return frame
    kept = np.random.default_rng(seed).choice(np.asarray(every), size=orders, replace=False)
    return frame[frame[ORDER].isin(kept)]


def permutation_importance(
    model: Contender,
    frame: pd.DataFrame,
    *,
    features: Sequence[str],
    repeats: int,
    seed: int,
) -> pd.DataFrame:
    """Drop in average precision when one feature's values are shuffled over all rows.

    Breiman (Random Forests, 2001), for any model. Columns that say the same share the drop.

    Args:
        model: Gives probabilities.
        frame: Feature frame with outcome, not used to fit the model.
        features: Columns to shuffle.
        repeats: Shuffles of each feature.
        seed: Seed of the shuffles.

    Returns:
        One row per feature, the largest drop first: feature, product_average_precision and
        average_precision (mean drops) and each's `_deviation` (standard deviation over repeats).
    """
    generator = np.random.default_rng(seed)
    before = _quality(model, frame)
    rows = []
    for feature in features:
        values = frame[feature].to_numpy()
        drops = np.array(
            [
                before - _quality(model, frame.assign(**{feature: generator.permutation(values)}))
                for _ in range(repeats)
            ]
        )
        rows.append(
            (feature, *drops.mean(axis=0), *drops.std(axis=0, ddof=1 if repeats > 1 else 0))
        )
    metrics = ["product_average_precision", "average_precision"]
    columns = ["feature", *metrics, *(f"{metric}_deviation" for metric in metrics)]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values([metrics[0], "feature"], ascending=[False, True], ignore_index=True)


def _quality(model: Contender, frame: pd.DataFrame) -> NDArray[np.float64]:
    """Product and pooled average precision of a model on a frame."""
    y, p = frame[OUTCOME].to_numpy(), np.asarray(model.predict(frame), dtype=np.float64)
    within = ProductRanking.of(y, p, frame[PRODUCT].to_numpy())
    pooled = ProductRanking.of(y, p, np.zeros(len(y)), 1)
    return np.array([within.average_precision(), pooled.average_precision()])
