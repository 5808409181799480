"""Which features the model uses: what is lost when a column is shuffled."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from push_propensity.evaluation.metrics import ProductRanking
from push_propensity.evaluation.options import ReportOptions
from push_propensity.frame.columns import ORDER, OUTCOME, PRODUCT
from push_propensity.frame.weights import Floats
from push_propensity.models.purchase_model import PurchaseModel, draw_rows


def permute_features(
    test: pd.DataFrame,
    calibration: pd.DataFrame,
    winner: Mapping[str, Any],
    report_options: ReportOptions,
    **models: PurchaseModel,
) -> pd.DataFrame:
    """What the winner loses when a feature is shuffled.

    Args:
        test: The test part.
        calibration: The calibration window.
        winner: With the name of the winner as `candidate`.
        report_options: On which of the two windows, on how much of it, and how often.
        **models: The fitted entries.

    Returns:
        What `permutation_importance` gives.
    """
    options, model = report_options, models[winner["candidate"]]
    window = {"test": test, "calibration": calibration}[options.importance_window]
    orders = sample_orders(window, options.importance_orders, options.seed)
    frame, weight = sample_rows(orders, options.importance_rows, options.seed)
    return permutation_importance(
        model,
        frame,
        features=model.features,
        repeats=options.importance_repeats,
        seed=options.seed,
        weight=weight,
    )


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


def sample_rows(frame: pd.DataFrame, rows: int, seed: int) -> tuple[pd.DataFrame, Floats | None]:
    """Keep about so many rows: every purchase, and a seeded share of the others.

    Args:
        frame: Rows with outcome.
        rows: How many rows to keep; more where there are more purchases.
        seed: Seed of the draw.

    Returns:
        The rows, and how many each one stands for, shape (rows,); None where all are kept.
    """
    purchases = int(frame[OUTCOME].sum())
    if len(frame) <= rows or not 0 < purchases < rows:
        return frame, None
    share = (rows - purchases) / (len(frame) - purchases)
    kept, weight = draw_rows(frame, share, seed)
    return frame.iloc[kept], weight


def permutation_importance(
    model: PurchaseModel,
    frame: pd.DataFrame,
    *,
    features: Sequence[str],
    repeats: int,
    seed: int,
    weight: Floats | None = None,
) -> pd.DataFrame:
    """Drop in average precision when one feature's values are shuffled over all rows.

    Breiman (Random Forests, 2001), for any model. Columns that say the same share the drop.

    Args:
        model: Gives probabilities.
        frame: Feature frame with outcome, not used to fit the model.
        features: Columns to shuffle.
        repeats: Shuffles of each feature.
        seed: Seed of the shuffles.
        weight: How many rows each one stands for, shape (rows,); 1 each if left out.

    Returns:
        One row per feature, the largest drop first: feature, product_average_precision and
        average_precision (mean drops) and each's `_deviation` (standard deviation over repeats).
    """
    generator = np.random.default_rng(seed)
    before = _quality(model, frame, weight)
    rows = []
    for feature in features:
        values = frame[feature].to_numpy()
        shuffled = (
            frame.assign(**{feature: generator.permutation(values)}) for _ in range(repeats)
        )
        drops = np.array([before - _quality(model, rows, weight) for rows in shuffled])
        rows.append(
            (feature, *drops.mean(axis=0), *drops.std(axis=0, ddof=1 if repeats > 1 else 0))
        )
    metrics = ["product_average_precision", "average_precision"]
    columns = ["feature", *metrics, *(f"{metric}_deviation" for metric in metrics)]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values([metrics[0], "feature"], ascending=[False, True], ignore_index=True)


def _quality(model: PurchaseModel, frame: pd.DataFrame, weight: Floats | None) -> Floats:
    """Product and pooled average precision of a model on a frame."""
    y, p = frame[OUTCOME].to_numpy(), np.asarray(model.predict(frame), dtype=np.float64)
    within = ProductRanking.of(y, p, frame[PRODUCT].to_numpy())
    pooled = ProductRanking.pooled(y, p)
    return np.array([within.average_precision(weight), pooled.average_precision(weight)])
