"""What a family of models is: everything that tells it from the others, in one value."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper
from pydantic import BaseModel, ConfigDict
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OrdinalEncoder

from push_propensity.errors import ExportError
from push_propensity.frame.columns import CATEGORICAL_FEATURES, pick_numbers

# Categories of fewer of the training rows share one code, so that at most 300 have their own.
RARE_SHARE = 1 / 300

Floats = NDArray[np.float64]


class Estimator(Protocol):
    """What a family's estimator can do, in scikit-learn's terms."""

    def fit(self, X: Any, y: Any, sample_weight: Any = ...) -> Any:
        """Fit to encoded rows X, outcomes y and row weights."""


class Parameters(BaseModel):
    """Hyperparameters of a family, under the names that its library gives them."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class EncodedRows(NamedTuple):
    """Encoded rows, their outcomes and their weights, each of so many rows; None: all weigh 1."""

    encoded: Any
    outcome: Floats
    weight: Floats | None


class FoldRows(NamedTuple):
    """The encoded rows of a fold.

    Attributes:
        train: The rows drawn from its training part.
        stopping: Those drawn from its validation part, at which boosting alone looks.
        validation: All rows of its validation part, without their outcomes.
    """

    train: EncodedRows
    stopping: EncodedRows
    validation: Any


class Stopping(NamedTuple):
    """When boosting stops: after so many rounds without a gain, and at the latest."""

    early_stopping_rounds: int
    most_rounds: int


class MarginGraph(NamedTuple):
    """The part of an ONNX graph from `encoded`, of so many columns, to `margin`, (rows, 1)."""

    nodes: list[onnx.NodeProto]
    constants: list[onnx.TensorProto]
    width: int


@dataclass(frozen=True)
class Family(ABC):
    """A kind of model.

    Attributes:
        name: Its name in parameters and tables.
        label: Its name for people.
        parameters: The parameters it takes.
        kind: Whether it competes to be published or only sets the mark to beat.
        about: How it ranks, in a few words, where the report has to say it.
        stand_in: The family that takes its place where a column it needs is missing. Its own may
            take its place in turn.
    """

    name: str
    label: str
    parameters: type[Parameters] = Parameters
    kind: Literal["baseline", "candidate"] = "candidate"
    about: str = ""
    stand_in: str = ""

    library: ClassVar[tuple[str, str]]
    """The package that fits it, and its version."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The columns that it cannot do without and that not every frame has."""
        return ()

    @abstractmethod
    def encoder(self, features: Sequence[str]) -> ColumnTransformer:
        """Make the transformer, not yet fitted, of these features; a baseline takes its own."""

    @abstractmethod
    def estimator(self, parameters: Any, seed: int, threads: int) -> Estimator:
        """Make the estimator, not yet fitted."""

    @abstractmethod
    def margin(self, estimator: Any, encoded: Any) -> Floats:
        """Log-odds of a fitted estimator on encoded rows, shape (rows,)."""

    def complexity(self, parameters: Any) -> tuple[float, ...]:
        """Return a sort key; of two settings, the smaller key is the simpler model."""
        return ()

    def share(self, fold: FoldRows, threads: int) -> Any:
        """Make of a fold's rows, once, what all trials share; `fit_trial` is given it."""
        return fold

    def fit_trial(
        self, shared: Any, parameters: Any, seed: int, threads: int, stopping: Stopping
    ) -> tuple[Floats, float]:
        """Fit one trial of a search to a fold.

        Args:
            shared: What `share` made of the fold.
            parameters: The setting that is tried.
            seed: Seed of the estimator.
            threads: Threads of the estimator.
            stopping: When boosting stops.

        Returns:
            Log-odds of the validation rows, shape (rows,), and the rounds of boosting that were
            best; NaN where nothing is boosted.
        """
        train = shared.train
        estimator = self.estimator(parameters, seed, threads)
        estimator.fit(train.encoded, train.outcome, sample_weight=train.weight)
        return self.margin(estimator, shared.validation), float("nan")

    def graph(self, estimator: Any) -> MarginGraph:
        """Write a fitted estimator as ONNX, in float32.

        Raises:
            ExportError: If there is no conversion.
        """
        raise ExportError(
            f"{type(estimator).__name__} has no conversion to ONNX, so it can be compared "
            "but not published. Publish one of the other candidates."
        )


def category_codes() -> OrdinalEncoder:
    """Make what gives each category a code: rare ones share the last, an unknown one has -1."""
    return OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, min_frequency=RARE_SHARE
    )


def encode_columns(features: Sequence[str], numbers: Any, categories: Any) -> ColumnTransformer:
    """Make the transformer that gives the numbers and the categories of features one each."""
    return ColumnTransformer(
        [
            ("numbers", numbers, pick_numbers(features)),
            ("categories", categories, list(CATEGORICAL_FEATURES)),
        ],
        sparse_threshold=1.0,
    )


def constant(name: str, values: Any) -> onnx.TensorProto:
    """A named float32 constant of an ONNX graph."""
    return numpy_helper.from_array(np.asarray(values, dtype=np.float32), name)
