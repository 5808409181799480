"""Linear families: the penalised logistic regressions."""

from collections.abc import Sequence
from typing import Any

import glum
import numpy as np
from onnx import helper
from pydantic import Field
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from push_propensity.models.bounded import BoundedNumbers
from push_propensity.models.family import (
    Estimator,
    Family,
    Floats,
    MarginGraph,
    Parameters,
    category_codes,
    constant,
    encode_columns,
)
from push_propensity.models.logistic import PenalisedLogisticRegression


class LogisticL2Parameters(Parameters):
    """`C` of scikit-learn's LogisticRegression: the inverse of the L2 penalty."""

    C: float = Field(default=1.0, gt=0, le=1e6)


class LogisticElasticNetParameters(LogisticL2Parameters):
    """`C` as above; `l1_ratio` is the share of the L1 penalty."""

    l1_ratio: float = Field(default=0.5, ge=0, le=1)


def scaled_numbers() -> Pipeline:
    """Make what gives a linear model its numbers: bounded, wide ones as logarithms, and scaled."""
    return make_pipeline(BoundedNumbers(logarithms=True), StandardScaler())


class LinearFamily(Family):
    """A family whose estimator has coefficients and an intercept, as scikit-learn's have."""

    def margin(self, estimator: Any, encoded: Any) -> Floats:
        """Return encoded @ coefficients + intercept, shape (rows,)."""
        return np.asarray(estimator.decision_function(encoded))

    def graph(self, estimator: Any) -> MarginGraph:
        """Write the margin as one matrix product."""
        coefficients = estimator.coef_.T
        node = helper.make_node("Gemm", ["encoded", "coefficients", "bias"], ["margin"])
        constants = [
            constant("coefficients", coefficients),
            constant("bias", estimator.intercept_),
        ]
        return MarginGraph([node], constants, coefficients.shape[0])


class PenalisedLogistic(LinearFamily):
    """Logistic regression with an L2 or an elastic-net penalty on scaled, one-hot columns."""

    library = ("glum", glum.__version__)

    def encoder(self, features: Sequence[str]) -> ColumnTransformer:
        """Scale the bounded numbers and make a column of each code of a category."""
        columns = OneHotEncoder(handle_unknown="ignore", dtype=np.float64)
        return encode_columns(features, scaled_numbers(), make_pipeline(category_codes(), columns))

    def estimator(self, parameters: Any, seed: int, threads: int) -> Estimator:
        """Make the regression, which draws nothing and takes one thread."""
        estimator: Estimator = PenalisedLogisticRegression(
            C=parameters.C,
            l1_ratio=getattr(parameters, "l1_ratio", 0.0),
            tol=1e-7,
            max_iter=200,
        )
        return estimator

    def complexity(self, parameters: Any) -> tuple[float, ...]:
        """Order by the strength of the penalty, then by its share of L1."""
        return (parameters.C, -getattr(parameters, "l1_ratio", 0.0))
