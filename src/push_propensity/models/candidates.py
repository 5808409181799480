"""The candidates: which family each entry of the selection is, with which parameters and sweep."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from sklearn.model_selection import ParameterGrid

from push_propensity.errors import ParameterError, shorten_name
from push_propensity.models import families
from push_propensity.models.calibration import CalibrationChoice
from push_propensity.models.family import Family, Parameters, Stopping

MOST_REASONS = 10
LEARNING_RATE, ROUNDS = "learning_rate", "n_estimators"
BUDGET: Any = {"search": {"n_trials", "seconds"}}  # how far a search goes, not what it finds there


class SearchOptions(BaseModel):
    """How the points of a sweep are chosen, fitted and given up.

    Attributes:
        strategy: `grid` takes the points from the simplest model to the most complex, `random`
            draws them without putting one back, `bayesian` lets Optuna's tree-structured Parzen
            estimator choose (Bergstra et al., 2011).
        n_trials: Try so many points at most; None: all.
        seconds: Begin or go on with no trial after so many seconds; None: take as long as it needs.
        negative_share: Share of the rows without a purchase that trials are fitted to, and that
            early stopping looks at; seeded. The rows drawn weigh 1 / share.
        learning_rate: Of boosting while searching; None: that of the parameters.
        early_stopping_rounds: Boosting stops when the log loss of the fold's validation part has
            not fallen for so many rounds.
        most_rounds: Boosting stops here at the latest.
        reduction_factor: Successive halving over the folds goes on with about one in so many
            trials (Li et al., 2020); None: every trial is measured on every fold.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    strategy: Literal["grid", "random", "bayesian"] = "grid"
    n_trials: int | None = Field(default=None, ge=1)
    seconds: float | None = Field(default=None, gt=0)
    negative_share: float = Field(default=1.0, gt=0, le=1)
    learning_rate: float | None = Field(default=None, gt=0, le=1)
    early_stopping_rounds: int = Field(default=25, ge=1)
    most_rounds: int = Field(default=2_000, ge=1)
    reduction_factor: int | None = Field(default=None, ge=2)

    @model_validator(mode="after")
    def _check_budget(self) -> Self:
        if self.strategy == "bayesian" and self.n_trials is None and self.seconds is None:
            raise ValueError("a bayesian search needs n_trials or seconds")
        return self


class CandidateOptions(BaseModel):
    """One entry of the selection: a family, its parameters and its sweep.

    Attributes:
        family: Which family of `families.FAMILIES`.
        parameters: Values to use where a sweep or a caller gives no others.
        sweep: Values to try for each swept parameter; their product is the grid.
        search: Which points of the grid are tried, and how.
        negative_share: Share of the rows without a purchase that a chosen model is trained on,
            seeded; the rows drawn weigh 1 / share, so that probabilities stay unbiased.
        minimum_negatives: Where either share would leave fewer rows without a purchase, it is
            larger, up to all.
        calibration: From margin to probability: `sigmoid`, `beta`, or `auto` for what
            `calibration.fit_calibration` finds better.
        seed: Seed of every draw.
        threads: Threads of the estimator. Fixed, so that results don't depend on the machine.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    family: str
    parameters: dict[str, Any] = {}
    sweep: dict[str, list[Any]] = {}
    search: SearchOptions = SearchOptions()
    negative_share: float = Field(default=1.0, gt=0, le=1)
    minimum_negatives: int = Field(default=50_000, ge=0)
    calibration: CalibrationChoice = "auto"
    seed: int
    threads: int = Field(default=2, ge=1)

    @model_validator(mode="after")
    def _check_parameters(self) -> Self:
        if self.family not in families.FAMILIES:
            raise ValueError(f"family must be one of {', '.join(families.FAMILIES)}")
        ParameterGrid(self.sweep)
        self.complete({})
        for name, values in self.sweep.items():
            for value in values:
                self.complete({name: value})
        if ROUNDS in self.definition.parameters.model_fields:
            self.settled({}, self.search.most_rounds)
        if self.search.learning_rate is not None:
            self.searched({})
            if LEARNING_RATE in self.sweep:
                raise ValueError(f"{LEARNING_RATE} is swept, so `search` must not set it")
        return self

    @property
    def definition(self) -> Family:
        """The family itself."""
        return families.FAMILIES[self.family]

    @property
    def stopping(self) -> Stopping:
        """When boosting stops in a search."""
        return Stopping(self.search.early_stopping_rounds, self.search.most_rounds)

    def measurable_on(self, columns: Collection[str]) -> Self:
        """This entry, or its stand-in where a frame of these columns lacks what it needs."""
        family = self.definition
        if set(family.needs) <= set(columns):
            return self
        return self.model_copy(update={"family": family.stand_in}).measurable_on(columns)

    def complete(self, parameters: Mapping[str, Any]) -> Parameters:
        """Checked parameters; what is left out takes its configured value.

        Raises:
            ParameterError: If a parameter is unknown or its value is not allowed.
        """
        return check_parameters(self.family, self.parameters | dict(parameters))

    def searched(self, point: Mapping[str, Any]) -> Parameters:
        """The parameters by which a point of the sweep is tried."""
        rate = self.search.learning_rate
        return self.complete(point if rate is None else {**point, LEARNING_RATE: rate})

    def settled(self, point: Mapping[str, Any], rounds: float) -> Parameters:
        """The parameters by which the model of a point that was tried is trained.

        Args:
            point: The point of the sweep.
            rounds: Rounds of boosting that the trial took; NaN where nothing is boosted. At another
                learning rate as many are taken as go equally far, since the best number is nearly
                inverse to it (Friedman, 2001).
        """
        if math.isnan(rounds):
            return self.complete(point)
        settled: Any = self.complete(point)
        steps = rounds * (self.search.learning_rate or settled.learning_rate)
        return self.complete({**point, ROUNDS: round(steps / settled.learning_rate) or 1})

    def points(self) -> list[dict[str, Any]]:
        """The points that a grid or random search tries, in its order; fewer are the first ones."""
        grid = ParameterGrid(self.sweep)
        most = self.search.n_trials
        if self.search.strategy == "grid":
            return sorted(grid, key=lambda point: self.definition.complexity(self.complete(point)))[
                :most
            ]
        drawn = np.random.default_rng(self.seed).permutation(len(grid))[:most]
        return [grid[position] for position in drawn]


@dataclass(init=False, repr=False, eq=False)  # Kedro checks parameters that are one
class Candidates(dict[str, CandidateOptions]):
    """The entries by name, exactly those of `families.ENTRIES`; each is named after its family.

    A dictionary, so that Kedro also gives one entry alone, as `params:candidates.<name>`.
    """

    def __init__(self, **entries: Any) -> None:
        """Check the entries as they are configured.

        Raises:
            ParameterError: If an entry is unknown, missing or of another family than its name says.
            ValueError: If an entry's options are not allowed.
        """
        unknown = [shorten_name(name) for name in entries if name not in families.ENTRIES]
        missing = [name for name in families.ENTRIES if name not in entries]
        for problem, names in (("has no use for", unknown), ("lacks", missing)):
            if names:
                raise ParameterError(
                    f"`candidates` {problem} {', '.join(names)}. Its entries are "
                    f"{', '.join(families.ENTRIES)}."
                )
        for name, options in entries.items():
            self[name] = CandidateOptions.model_validate(options)
            if self[name].family != name:
                raise ParameterError(
                    f"candidates.{name} is of the family {self[name].family}. An entry is named "
                    "after its family; change its parameters or its sweep instead."
                )


def check_parameters(family: str, parameters: Mapping[str, Any]) -> Parameters:
    """Build the parameters of a family.

    Raises:
        ParameterError: Naming the parameter, the rule and the allowed parameters.
    """
    model = families.FAMILIES[family].parameters
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
