"""Boosted trees of XGBoost."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import onnx
import xgboost
from numpy.typing import NDArray
from onnx import helper
from onnxmltools.convert import convert_xgboost
from onnxmltools.convert.common.data_types import FloatTensorType
from pydantic import Field
from scipy.special import logit
from sklearn.compose import ColumnTransformer

from push_propensity.models.bounded import BoundedNumbers
from push_propensity.models.family import (
    EncodedRows,
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

TREE_METHOD = "hist"


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


class SharedBins(NamedTuple):
    """A fold's rows in XGBoost's bins, and the validation rows as they are, in float32."""

    train: xgboost.QuantileDMatrix
    stopping: xgboost.QuantileDMatrix
    validation: NDArray[np.float32]


class BoostedTrees(Family):
    """Gradient boosting on bounded numbers and categories as codes."""

    library = ("xgboost", xgboost.__version__)

    def encoder(self, features: Sequence[str]) -> ColumnTransformer:
        """Bound the numbers and give each category a code."""
        return encode_columns(features, BoundedNumbers(), category_codes())

    def estimator(self, parameters: Any, seed: int, threads: int) -> Estimator:
        """Make the classifier."""
        estimator: Estimator = xgboost.XGBClassifier(
            **parameters.model_dump(), tree_method=TREE_METHOD, random_state=seed, n_jobs=threads
        )
        return estimator

    def margin(self, estimator: Any, encoded: Any) -> Floats:
        """Return the sum of the trees' leaves, shape (rows,)."""
        return np.asarray(estimator.predict(encoded, output_margin=True), dtype=np.float64)

    def complexity(self, parameters: Any) -> tuple[float, ...]:
        """Order by the comparisons that a score takes, then by what holds the trees back."""
        return (
            parameters.n_estimators * parameters.max_depth,
            parameters.max_depth,
            -parameters.min_child_weight,
            -parameters.reg_lambda,
            -parameters.reg_alpha,
        )

    def share(self, fold: FoldRows, threads: int) -> SharedBins:
        """Sort the rows into bins, which depend on no setting that is swept."""
        train = _binned(fold.train, threads)
        validation = np.asarray(fold.validation, dtype=np.float32)
        return SharedBins(train, _binned(fold.stopping, threads, ref=train), validation)

    def fit_trial(
        self, shared: Any, parameters: Any, seed: int, threads: int, stopping: Stopping
    ) -> tuple[Floats, float]:
        """Boost until the log loss of the rows to stop at ceases to fall."""
        settings = parameters.model_dump(exclude={"n_estimators"})
        booster = xgboost.train(
            {
                **settings,
                "objective": "binary:logistic",
                "tree_method": TREE_METHOD,
                "eval_metric": "logloss",
                "seed": seed,
                "nthread": threads,
            },
            shared.train,
            num_boost_round=stopping.most_rounds,
            evals=[(shared.stopping, "stopping")],
            early_stopping_rounds=stopping.early_stopping_rounds,
            verbose_eval=False,
        )
        rounds = booster.best_iteration + 1  # XGBoost counts from 0
        margin = booster.inplace_predict(
            shared.validation, iteration_range=(0, rounds), predict_type="margin"
        )
        return np.asarray(margin, dtype=np.float64), float(rounds)

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


def _binned(
    rows: EncodedRows, threads: int, ref: xgboost.QuantileDMatrix | None = None
) -> xgboost.QuantileDMatrix:
    encoded = np.asarray(rows.encoded, dtype=np.float32)
    return xgboost.QuantileDMatrix(
        encoded, rows.outcome, weight=rows.weight, ref=ref, nthread=threads
    )


def _regression_attributes(attributes: Iterable[onnx.AttributeProto]) -> dict[str, Any]:
    """Attributes of a classifying ensemble under the names of a regressing one."""
    dropped = {"base_values", "classlabels_int64s", "post_transform"}
    return {
        attribute.name.replace("class_", "target_"): helper.get_attribute_value(attribute)
        for attribute in attributes
        if attribute.name not in dropped
    }
