"""Boosted trees of XGBoost."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import onnx
import xgboost
from onnx import helper
from onnxmltools.convert import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from pydantic import Field
from scipy.special import logit
from sklearn.compose import ColumnTransformer

from push_propensity.models.bounded import BoundedNumbers
from push_propensity.models.family import (
    Estimator,
    Family,
    Floats,
    FoldRows,
    MarginGraph,
    Parameters,
    Stopping,
    category_codes,
    encode_columns,
)

EARLY_STOPPING_METRIC = "logloss"


class XGBoostParameters(Parameters):
    """Parameters of XGBClassifier that limit how closely the trees follow the data."""

    max_depth: int = Field(default=5, ge=1, le=12)
    learning_rate: float = Field(default=0.1, gt=0, le=1)
    n_estimators: int = Field(default=100, ge=1, le=5_000)
    reg_lambda: float = Field(default=1.0, ge=0, le=1e6)
    reg_alpha: float = Field(default=0.0, ge=0, le=1e6)
    min_child_weight: float = Field(default=1.0, ge=0, le=1e6)
    subsample: float = Field(default=1.0, gt=0, le=1)
    colsample_bytree: float = Field(default=1.0, gt=0, le=1)


class BoostedTrees(Family):
    """Gradient boosting on bounded numbers and categories as codes."""

    library = ("xgboost", xgboost.__version__)

    def encoder(self, features: Sequence[str]) -> ColumnTransformer:
        """Bound the numbers and give each category a code."""
        return encode_columns(features, BoundedNumbers(), category_codes())

    def estimator(self, parameters: Any, seed: int, threads: int) -> Estimator:
        """Make the classifier."""
        estimator: Estimator = xgboost.XGBClassifier(
            **parameters.model_dump(), tree_method="hist", random_state=seed, n_jobs=threads
        )
        return estimator

    def margin(self, estimator: Any, encoded: Any) -> Floats:
        """Return the sum of the trees' leaves, shape (rows,)."""
        return np.asarray(estimator.predict(encoded, output_margin=True), dtype=np.float64)

    def complexity(self, parameters: Any) -> tuple[float, ...]:
        """Order by depth, then by how far the rounds go, then by what holds them back."""
        return (
            parameters.max_depth,
            parameters.n_estimators * parameters.learning_rate,
            -parameters.min_child_weight,
            -parameters.reg_lambda,
            -parameters.reg_alpha,
        )

    def fit_trial(self, estimator: Any, fold: FoldRows, previous: Any, stopping: Stopping) -> None:
        """Boost until the log loss of the validation rows stops falling."""
        train, validation = fold.train, fold.validation
        estimator.set_params(
            n_estimators=stopping.most_rounds,
            early_stopping_rounds=stopping.early_stopping_rounds,
            eval_metric=EARLY_STOPPING_METRIC,
        )
        estimator.fit(
            train.encoded,
            train.outcome,
            sample_weight=train.weight,
            eval_set=[(validation.encoded, validation.outcome)],
            sample_weight_eval_set=None if validation.weight is None else [validation.weight],
            verbose=False,
        )

    def best_round(self, estimator: Any) -> float:
        """Rounds up to the best one; XGBoost counts from 0."""
        return float(estimator.best_iteration + 1)

    def graph(self, estimator: Any) -> MarginGraph:
        """Write the trees.

        The converter ends in the probability; the margin, from which the calibration starts, is the
        same ensemble read as a regression.
        """
        width = estimator.n_features_in_
        converted = convert_xgboost(
            estimator,
            initial_types=[("encoded", FloatTensorType([None, width]))],
            target_opset=15,
        )
        ensemble = converted.graph.node[0]
        node = helper.make_node(
            "TreeEnsembleRegressor",
            ["encoded"],
            ["margin"],
            domain="ai.onnx.ml",
            n_targets=1,
            post_transform="NONE",
            # The converter leaves a probability here where every tree is a single leaf.
            base_values=[float(logit(estimator.intercept_[0]))],
            **_regression_attributes(ensemble.attribute),
        )
        return MarginGraph([node], [], width)


def _regression_attributes(attributes: Iterable[onnx.AttributeProto]) -> dict[str, Any]:
    """Attributes of a classifying ensemble under the names of a regressing one."""
    dropped = {"base_values", "classlabels_int64s", "post_transform"}
    return {
        attribute.name.replace("class_", "target_"): helper.get_attribute_value(attribute)
        for attribute in attributes
        if attribute.name not in dropped
    }
