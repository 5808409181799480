"""The quality that popularity and two simple models reach on a feature frame.

Orders, split, columns and settings are those for which figures of the shop's own frame were
published, so that the two can be compared.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from push_propensity.frame.columns import NUMERIC_FEATURES, OUTCOME, POPULARITY
from push_propensity.frame.split import SplitOptions, keep_large_orders, plan_split, split_orders

SEED = 0  # of the rows that boosting takes its bins from
_METRICS: dict[str, Callable[[ArrayLike, ArrayLike], float]] = {
    "ROC AUC": roc_auc_score,
    "average precision": average_precision_score,
    "log loss": log_loss,
}


def reached_quality(frame: pd.DataFrame) -> dict[str, float]:
    """Return pooled metrics by name, such as "popularity, validation, ROC AUC".

    Of the orders of at least 5 items, the days up to 70 % of the orders are trained on, those up
    to 90 % are validation and the rest is test. Popularity stands for a probability as it is;
    logistic regression has standardised columns and C = 0.0001, gradient boosting 50 trees of
    depth 5 with a learning rate of 0.05, both on all numeric columns.

    Raises:
        DataError: The frame has too few orders or purchases to be split.
    """
    options = SplitOptions()
    kept = keep_large_orders(frame, options.minimum_items)
    parts = split_orders(kept, plan_split(kept, options))
    held_out = {
        "validation": pd.concat([parts.validation, parts.calibration]),
        "test": parts.test,
    }
    columns = list(NUMERIC_FEATURES)
    probabilities = {
        (name, part): model.predict_proba(rows[columns])[:, 1]
        for name, model in _fit_models(parts.train[columns], parts.train[OUTCOME]).items()
        for part, rows in held_out.items()
    } | {("popularity", part): rows[POPULARITY] for part, rows in held_out.items()}
    return {
        f"{name}, {part}, {metric}": float(measure(held_out[part][OUTCOME], probability))
        for (name, part), probability in probabilities.items()
        for metric, measure in _METRICS.items()
    }


def _fit_models(features: pd.DataFrame, outcome: "pd.Series[float]") -> dict[str, Any]:
    logistic = make_pipeline(StandardScaler(), LogisticRegression(C=1e-4))
    boosting = HistGradientBoostingClassifier(
        max_iter=50,
        max_depth=5,
        max_leaf_nodes=None,
        learning_rate=0.05,
        early_stopping=False,
        random_state=SEED,
    )
    models = {"logistic regression": logistic, "gradient boosting": boosting}
    return {name: model.fit(features, outcome) for name, model in models.items()}
