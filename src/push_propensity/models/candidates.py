"""The candidates: which family each entry of the selection is, with which parameters and sweep."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from sklearn.model_selection import ParameterGrid, ParameterSampler

from push_propensity.errors import ParameterError, shorten_name
from push_propensity.models import families
from push_propensity.models.family import Family, Parameters, Stopping

MOST_REASONS = 10


class CandidateOptions(BaseModel):
    """One entry of the selection: a family, its parameters and its sweep.

    Attributes:
        family: Which family of `families.FAMILIES`.
        parameters: Values to use where a sweep or a caller gives no others.
        sweep: Values to try for each swept parameter; their product is the grid.
        n_trials: Draw this many points of the grid instead of trying all.
        negative_share: Share of the rows without a purchase to train on, seeded; the rows drawn
            weigh 1 / share, so that probabilities stay unbiased.
        early_stopping_rounds: Boosting stops when the log loss of the fold's validation part has
            not fallen for so many rounds.
        most_rounds: Boosting stops here at the latest.
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
    most_rounds: int = Field(default=2_000, ge=1)
    seed: int
    threads: int = Field(default=2, ge=1)

    @model_validator(mode="after")
    def _check_parameters(self) -> Self:
        if self.family not in families.FAMILIES:
            raise ValueError(f"family must be one of {', '.join(families.FAMILIES)}")
        for point in [{}, *ParameterGrid(self.sweep)]:
            self.complete(point)
        return self

    @property
    def definition(self) -> Family:
        """The family itself."""
        return families.FAMILIES[self.family]

    @property
    def stopping(self) -> Stopping:
        """When boosting stops in a sweep."""
        return Stopping(self.early_stopping_rounds, self.most_rounds)

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

    def trials(self) -> list[Parameters]:
        """The points of the sweep, from the simplest model to the most complex."""
        grid = ParameterGrid(self.sweep)
        if self.n_trials is None or self.n_trials >= len(grid):
            points = list(grid)
        else:
            points = list(ParameterSampler(self.sweep, self.n_trials, random_state=self.seed))
        return sorted(map(self.complete, points), key=self.definition.complexity)


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
