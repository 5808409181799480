"""The candidates: model families with their encoders, parameters and regularisation sweeps.

A family says how its columns are encoded, which parameters it takes and in which order of
simplicity its settings stand. Baselines are families without parameters, so that they are entries
of the same table as the candidates.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import ParameterGrid, ParameterSampler
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from xgboost import XGBClassifier

from push_propensity.errors import ParameterError, shorten_name
from push_propensity.frame.columns import (
    CATEGORICAL_FEATURES,
    ORDERED_BEFORE,
    OWN_FREQUENCY,
    POPULARITY,
    pick_numbers,
)
from push_propensity.models.logistic import PenalisedLogisticRegression

MOST_REASONS = 10


class Estimator(Protocol):
    """What a family's estimator can do, in scikit-learn's terms."""

    def fit(self, X: Any, y: Any, sample_weight: Any = ...) -> Any:
        """Fit to encoded rows X, outcomes y and row weights."""


class Parameters(BaseModel):
    """Hyperparameters of a family, under the names that its library gives them."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class LogisticL2Parameters(Parameters):
    """`C` of scikit-learn's LogisticRegression: the inverse of the L2 penalty."""

    C: float = Field(default=1.0, gt=0, le=1e6)


class LogisticElasticNetParameters(LogisticL2Parameters):
    """`C` as above; `l1_ratio` is the share of the L1 penalty."""

    l1_ratio: float = Field(default=0.5, ge=0, le=1)


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


@dataclass(frozen=True)
class Family:
    """A kind of model.

    Attributes:
        kind: Whether it competes to be published or only sets the mark to beat.
        parameters: The parameters it takes.
        encoder: Makes the column transformer, not yet fitted, that feeds the estimator, from the
            names of the features; a baseline takes its own.
        estimator: Makes the estimator, not yet fitted, from parameters, seed and threads.
        complexity: Sort key of parameters; of two settings, the smaller key is the simpler model.
        boosted: Whether the number of trees is found by early stopping.
        needs: A column that it cannot do without and that not every frame has.
        stand_in: The family that takes its place where that column is missing.
    """

    kind: Literal["baseline", "candidate"]
    parameters: type[Parameters]
    encoder: Callable[[Sequence[str]], ColumnTransformer]
    estimator: Callable[[Any, int, int], Estimator]
    complexity: Callable[[Any], tuple[float, ...]] = lambda _: ()
    boosted: bool = False
    needs: str = ""
    stand_in: str = ""


def _scaled(*columns: str) -> Callable[[Sequence[str]], ColumnTransformer]:
    """An encoder of these columns, whichever features are chosen."""
    return lambda _: ColumnTransformer([("numbers", StandardScaler(), list(columns))])


def _scaled_one_hot(features: Sequence[str]) -> ColumnTransformer:
    categories = OneHotEncoder(handle_unknown="ignore", dtype=np.float64)
    return ColumnTransformer(
        [
            ("numbers", StandardScaler(), pick_numbers(features)),
            ("categories", categories, list(CATEGORICAL_FEATURES)),
        ],
        sparse_threshold=1.0,
    )


def _ordinal(features: Sequence[str]) -> ColumnTransformer:
    categories = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    return ColumnTransformer(
        [
            ("numbers", "passthrough", pick_numbers(features)),
            ("categories", categories, list(CATEGORICAL_FEATURES)),
        ]
    )


def _constant(*_: object) -> Estimator:
    estimator: Estimator = DummyClassifier(strategy="prior")
    return estimator


def _unpenalised(*_: object) -> Estimator:
    estimator: Estimator = LogisticRegression(C=np.inf)
    return estimator


def _logistic(parameters: LogisticL2Parameters, *_: object) -> Estimator:
    estimator: Estimator = PenalisedLogisticRegression(
        C=parameters.C,
        l1_ratio=getattr(parameters, "l1_ratio", 0.0),
        tol=1e-7,
        max_iter=200,
        warm_start=True,
    )
    return estimator


def _xgboost(parameters: XGBoostParameters, seed: int, threads: int) -> Estimator:
    estimator: Estimator = XGBClassifier(
        **parameters.model_dump(), tree_method="hist", random_state=seed, n_jobs=threads
    )
    return estimator


def _logistic_complexity(parameters: LogisticL2Parameters) -> tuple[float, ...]:
    return (parameters.C, -getattr(parameters, "l1_ratio", 0.0))


def _xgboost_complexity(parameters: XGBoostParameters) -> tuple[float, ...]:
    return (
        parameters.max_depth,
        parameters.n_estimators * parameters.learning_rate,
        -parameters.min_child_weight,
        -parameters.reg_lambda,
        -parameters.reg_alpha,
    )


FAMILIES: Mapping[str, Family] = {
    "constant": Family("baseline", Parameters, _scaled(POPULARITY), _constant),
    "global_popularity": Family("baseline", Parameters, _scaled(POPULARITY), _unpenalised),
    "ordered_before_popularity": Family(
        "baseline", Parameters, _scaled(ORDERED_BEFORE, POPULARITY), _unpenalised
    ),
    "own_frequency": Family(
        "baseline",
        Parameters,
        _scaled(OWN_FREQUENCY, POPULARITY),
        _unpenalised,
        needs=OWN_FREQUENCY,
        stand_in="ordered_before_popularity",
    ),
    "logistic_l2": Family(
        "candidate", LogisticL2Parameters, _scaled_one_hot, _logistic, _logistic_complexity
    ),
    "logistic_elastic_net": Family(
        "candidate",
        LogisticElasticNetParameters,
        _scaled_one_hot,
        _logistic,
        _logistic_complexity,
    ),
    "xgboost": Family(
        "candidate", XGBoostParameters, _ordinal, _xgboost, _xgboost_complexity, boosted=True
    ),
}
# What stands beside each other on the leaderboard: no stand-in beside the family it stands in for.
ENTRIES: tuple[str, ...] = tuple(
    name for name in FAMILIES if name not in {family.stand_in for family in FAMILIES.values()}
)


class CandidateOptions(BaseModel):
    """One entry of the selection: a family, its parameters and its sweep.

    Attributes:
        family: Which family of `FAMILIES`.
        parameters: Values to use where a sweep or a caller gives no others.
        sweep: Values to try for each swept parameter; their product is the grid.
        n_trials: Draw this many points of the grid instead of trying all.
        negative_share: Share of the rows without a purchase to train on, seeded; the rows drawn
            weigh 1 / share, so that probabilities stay unbiased.
        early_stopping_rounds: Boosting stops when the log loss of the fold's validation part has
            not fallen for so many rounds.
        seed: Seed of every draw.
        threads: Threads of the estimator. Fixed, so that results don't depend on the machine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str
    parameters: dict[str, Any] = {}
    sweep: dict[str, list[Any]] = {}
    n_trials: int | None = Field(default=None, ge=1)
    negative_share: float = Field(default=1.0, gt=0, le=1)
    early_stopping_rounds: int = Field(default=25, ge=1)
    seed: int
    threads: int = Field(default=2, ge=1)

    @model_validator(mode="after")
    def _check_parameters(self) -> Self:
        if self.family not in FAMILIES:
            raise ValueError(f"family must be one of {', '.join(FAMILIES)}")
        for point in [{}, *ParameterGrid(self.sweep)]:
            self.complete(point)
        return self

    @property
    def definition(self) -> Family:
        """The family itself."""
        return FAMILIES[self.family]

    def measurable_on(self, columns: Collection[str]) -> Self:
        """This entry, or its stand-in where a frame of these columns lacks what it needs."""
        family = self.definition
        if not family.needs or family.needs in columns:
            return self
        return self.model_copy(update={"family": family.stand_in})

    def complete(self, parameters: Mapping[str, Any]) -> Parameters:
        """Checked parameters; what is left out takes its configured value.

        Raises:
            ParameterError: If a parameter is unknown or its value is not allowed.
        """
        return check_parameters(self.family, self.parameters | dict(parameters))

    def trials(self) -> list[Parameters]:
        """The points of the sweep, from the simplest model to the most complex."""
        grid = ParameterGrid(self.sweep)
        if self.n_trials is None or self.n_trials >= len(grid):
            points = list(grid)
        else:
            points = list(ParameterSampler(self.sweep, self.n_trials, random_state=self.seed))
        return sorted(map(self.complete, points), key=self.definition.complexity)


def check_parameters(family: str, parameters: Mapping[str, Any]) -> Parameters:
    """Build the parameters of a family.

    Raises:
        ParameterError: Naming the parameter, the rule and the allowed parameters.
    """
    model = FAMILIES[family].parameters
    try:
        return model(**parameters)
    except (ValidationError, TypeError) as error:
        allowed = ", ".join(model.model_fields) or "none"
        raise ParameterError(
            f"{family} got parameters that are not allowed: {_reasons(error)}. "
            f"Allowed parameters: {allowed}."
        ) from None


def _reasons(error: ValidationError | TypeError) -> str:
    """What is wrong with which parameter, without the values that came."""
    if isinstance(error, TypeError):
        return "parameter names must be text"
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    reasons = [
        f"{shorten_name('.'.join(map(str, problem['loc']))) or 'a name'}: {problem['msg']}"
        for problem in problems
    ]
    more = [f"{len(reasons) - MOST_REASONS} more"] if len(reasons) > MOST_REASONS else []
    return "; ".join([*reasons[:MOST_REASONS], *more])
