"""What to train: which candidate, with which parameters, on which rows."""

from collections.abc import Mapping
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from push_propensity.errors import ParameterError
from push_propensity.frame.split import roll_windows
from push_propensity.models.candidates import Candidates


class TrainingOptions(BaseModel):
    """What to train.

    Attributes:
        candidate: Which candidate; left out, the winner of the selection.
        parameters: Its parameters; those left out take the winner's value where no candidate is
            named, else the configured one.
        default_candidate: Which candidate where nothing was selected yet.
        refit: `none` trains before the calibration window and leaves the test part alone;
            `all` rolls both windows to the end of the data.
        parity_rows: Rows on which the exported graph is compared with the model.
        parity_tolerance: Largest difference of a probability that is allowed there.
        golden_rows: Rows whose scores the bundle records, to be checked at each load.
        resamples: Resamples of the users for the intervals of the metrics.
        seed: Seed of the draws.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    candidate: str | None = None
    parameters: dict[str, Any] = {}
    default_candidate: str
    refit: Literal["none", "all"] = "none"
    parity_rows: int = Field(default=20_000, ge=1)
    parity_tolerance: float = Field(default=1e-5, gt=0)
    golden_rows: int = Field(default=8, ge=1, le=100)
    resamples: int = Field(default=200, ge=10)
    seed: int


class Specification(BaseModel):
    """One candidate with all its parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    candidate: str
    parameters: dict[str, Any]


def choose_specification(
    winner: Mapping[str, Any], training_options: TrainingOptions, candidates: Candidates
) -> Specification:
    """Decide what to train.

    Args:
        winner: The winner of the selection; empty where nothing was selected yet.
        training_options: The candidate and the parameters asked for.
        candidates: The configured entries; a baseline is never trained.

    Raises:
        ParameterError: If the candidate or a parameter is not one of the allowed.
    """
    selected = winner or {"candidate": training_options.default_candidate, "parameters": {}}
    asked = training_options.candidate
    name = selected["candidate"] if asked is None else asked
    allowed = [n for n, entry in candidates.items() if entry.definition.kind == "candidate"]
    if name not in allowed:
        raise ParameterError(
            f"There is no such candidate. Allowed candidates: {', '.join(allowed)}."
        )
    base = selected["parameters"] if asked is None else {}
    parameters = candidates[name].complete({**base, **training_options.parameters})
    return Specification(candidate=name, parameters=parameters.model_dump())


def cut_windows(
    development: pd.DataFrame,
    calibration: pd.DataFrame,
    test: pd.DataFrame,
    training_options: TrainingOptions,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cut the rows to train on and those to calibrate on."""
    if training_options.refit == "all":
        return roll_windows(development, calibration, test)
    return development, calibration


def parity_rows(
    training: pd.DataFrame, calibration: pd.DataFrame, options: TrainingOptions
) -> pd.DataFrame:
    """The latest rows to compare the exported graph on: the calibration window's, then earlier."""
    missing = max(options.parity_rows - len(calibration), 0)
    earlier = training.iloc[max(len(training) - missing, 0) :]
    return pd.concat([earlier, calibration.tail(options.parity_rows)], ignore_index=True)
