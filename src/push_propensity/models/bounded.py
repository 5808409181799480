"""Numbers bounded to what training saw, so that no score follows a feature to where nothing was."""

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from skl2onnx import update_registered_converter
from skl2onnx.algebra.onnx_ops import (
    OnnxAdd,
    OnnxLog,
    OnnxMax,
    OnnxMin,
    OnnxWhere,
)
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import validate_data

from push_propensity.frame.columns import FEATURE_OF, pick_numbers

HIGHEST_PERCENTILE = 99.0  # of what grows for whoever stays away
WIDE_UNITS = ("count", "days", "hours")  # whose values lie orders of magnitude apart

Bounds = dict[str, tuple[float, float]]


def training_bounds(frame: pd.DataFrame, features: Iterable[str]) -> Bounds:
    """Say between which values each number lies that a model may learn from.

    Args:
        frame: The rows to train on.
        features: Columns of the frame; categories among them have no bounds.

    Returns:
        The lowest and the highest value of each number in these rows, rounded to float32, which
        graphs compute in. Of a time since something happened the highest is the 99th percentile:
        few rows are beyond it, and those scored later are.

    Examples:
        >>> frame = pd.DataFrame({"count_pets": [0.0, 4.0], "days_since_order": [1.0, 101.0]})
        >>> training_bounds(frame, frame.columns)
        {'count_pets': (0.0, 4.0), 'days_since_order': (1.0, 100.0)}
    """
    return {name: _bounds(frame[name], FEATURE_OF[name].since) for name in pick_numbers(features)}


def _bounds(values: "pd.Series[float]", since: bool) -> tuple[float, float]:
    low, high = np.percentile(values, [0.0, HIGHEST_PERCENTILE if since else 100.0])
    return float(np.float32(low)), float(np.float32(high))


class BoundedNumbers(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Bound each number to `training_bounds`: a value beyond them counts as the bound.

    Args:
        logarithms: Whether days, hours and counts go on as log(1 + value).

    Attributes:
        bounds_: Lowest and highest value by column.
        wide_: Which columns go on as logarithms, shape (columns,).
    """

    bounds_: Bounds
    wide_: NDArray[np.bool_]

    def __init__(self, logarithms: bool = False) -> None:
        self.logarithms = logarithms

    def fit(self, X: pd.DataFrame, y: object = None) -> Self:
        """Take the bounds from training rows, one named feature a column."""
        validate_data(self, X, skip_check_array=True)
        self.bounds_ = training_bounds(X, X.columns)
        wide = [FEATURE_OF[name].unit in WIDE_UNITS for name in X.columns]
        self.wide_ = np.array(wide) & self.logarithms
        return self

    def transform(self, X: pd.DataFrame) -> NDArray[np.float64]:
        """Bound the rows' numbers, shape (rows, columns)."""
        validate_data(self, X, skip_check_array=True, reset=False)
        low, high = np.array(list(self.bounds_.values())).T
        bounded: NDArray[np.float64] = np.clip(X.to_numpy(dtype=np.float64), low, high)
        np.log1p(bounded, out=bounded, where=self.wide_)
        return bounded


def fitted_bounds(encoder: ColumnTransformer) -> Bounds:
    """Return the bounds of the numbers that a fitted encoder bounds, by feature."""
    steps = (step for _, given, _ in encoder.transformers_ for step in _steps(given))
    bounded = (step.bounds_ for step in steps if isinstance(step, BoundedNumbers))
    return {name: ends for bounds in bounded for name, ends in bounds.items()}


def _steps(transformer: Any) -> list[Any]:
    whole = isinstance(transformer, Pipeline)
    return [step for _, step in transformer.steps] if whole else [transformer]


def _declare_output(operator: Any) -> None:
    """As many columns come out as come in."""
    operator.outputs[0].type = FloatTensorType(operator.inputs[0].type.shape)


def _write_graph(scope: Any, operator: Any, container: Any) -> None:
    """Write the same in ONNX: a few nodes, each for all columns at once."""
    fitted: BoundedNumbers = operator.raw_operator
    low, high = np.array(list(fitted.bounds_.values()), dtype=np.float32).T
    version, output = container.target_opset, [operator.outputs[0].full_name]
    raised = OnnxMax(operator.inputs[0], low, op_version=version)
    if not fitted.wide_.any():
        OnnxMin(raised, high, op_version=version, output_names=output).add_to(scope, container)
        return
    bounded = OnnxMin(raised, high, op_version=version)
    more = OnnxAdd(bounded, np.ones(1, dtype=np.float32), op_version=version)
    logarithm = OnnxLog(more, op_version=version)
    OnnxWhere(fitted.wide_, logarithm, bounded, op_version=version, output_names=output).add_to(
        scope, container
    )


update_registered_converter(BoundedNumbers, "BoundedNumbers", _declare_output, _write_graph)
