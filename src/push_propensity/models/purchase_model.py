"""A purchase model: encoder, estimator and calibration, fitted to feature frames."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer

from push_propensity.errors import DataError
from push_propensity.frame.columns import (
    DAYS_SINCE_PURCHASE,
    FEATURE_NAMES,
    OUTCOME,
    POPULARITY,
    USER,
)
from push_propensity.frame.weights import row_weights
from push_propensity.models.bounded import Bounds, fitted_bounds
from push_propensity.models.calibration import UNCALIBRATED, Calibration, fit_calibration
from push_propensity.models.candidates import CandidateOptions
from push_propensity.models.families import FAMILIES
from push_propensity.models.family import Estimator, Floats, Parameters

LEAST_CAP = 1e-4  # what nobody bought lately is not impossible to buy


@dataclass(frozen=True)
class PurchaseModel:
    """A fitted model.

    Its margin is the log-odds that the estimator gives, from which the calibration makes the
    probability. A user who last bought the product longer ago than anybody in training (`longest`
    days) is beyond what was learned, and like anybody to the model: the probability is at most the
    product's popularity. `name` is its family's, `features` are what it is given; `fitted_rows`
    counts the rows that were drawn to fit it, None where that was not counted.
    """

    encoder: ColumnTransformer
    estimator: Estimator
    calibration: Calibration = UNCALIBRATED
    name: str = ""
    features: tuple[str, ...] = FEATURE_NAMES
    longest: float = np.inf
    fitted_rows: int | None = None

    @property
    def bounds(self) -> Bounds:
        """Between which values each number counts, by feature; empty where none is bounded."""
        return fitted_bounds(self.encoder)

    def margin(self, frame: pd.DataFrame) -> Floats:
        """Log-odds before calibration, shape (rows,)."""
        return FAMILIES[self.name].margin(self.estimator, self.encoder.transform(frame))

    def predict(self, frame: pd.DataFrame) -> Floats:
        """Probability of a purchase, shape (rows,)."""
        probability = self.calibration.apply(self.margin(frame))
        beyond = frame[DAYS_SINCE_PURCHASE].to_numpy(dtype=np.float32) > np.float32(self.longest)
        most = np.maximum(frame[POPULARITY], LEAST_CAP)
        return np.where(beyond, np.minimum(probability, most), probability)


def draw_rows(
    frame: pd.DataFrame,
    negative_share: float,
    seed: int,
    part: NDArray[np.bool_] | None = None,
    minimum_negatives: int = 0,
) -> tuple[NDArray[np.intp], Floats]:
    """Draw every purchase and a seeded share of the rest.

    Args:
        frame: Rows with outcome and, if they are a sample themselves, sampling_weight.
        negative_share: Share of the rows of outcome 0 to keep, in (0, 1].
        seed: Seed of the draw.
        part: Which rows may be drawn, shape (rows,); None: all. No other row has an influence.
        minimum_negatives: Where the share would leave fewer rows of outcome 0, it is larger, up to
            all.

    Returns:
        Positions in the frame in rising order and inverse-probability weights, both of shape
        (drawn,); where the frame is a sample, its own weights are multiplied in.
    """
    outcome, sampled = frame[OUTCOME].to_numpy(), row_weights(frame)
    candidates = np.arange(len(frame)) if part is None else np.flatnonzero(part)
    purchase = outcome[candidates] == 1
    negatives = max(int((~purchase).sum()), 1)
    share = min(max(negative_share, minimum_negatives / negatives), 1.0)
    drawn = np.random.default_rng(seed).random(len(candidates)) < share
    rows = candidates[purchase | drawn]
    weight = np.where(outcome[rows] == 1, 1.0, 1.0 / share)
    return rows, weight if sampled is None else weight * sampled[rows]


def fit_model(
    frame: pd.DataFrame,
    options: CandidateOptions,
    parameters: Parameters,
    features: Sequence[str] = FEATURE_NAMES,
) -> PurchaseModel:
    """Fit a family with given parameters; not calibrated yet.

    Args:
        frame: Rows to train on, columns of the feature frame.
        options: The entry: family, share of negatives, seed and threads.
        parameters: Parameters of that family.
        features: The columns that a candidate uses; a baseline has its own.

    Raises:
        DataError: If the rows are all purchases or none is one.
    """
    share, seed, least = options.negative_share, options.seed, options.minimum_negatives
    rows, weight = draw_rows(frame, share, seed, minimum_negatives=least)
    drawn = frame.iloc[rows] if len(rows) < len(frame) else frame
    outcome = drawn[OUTCOME].to_numpy()
    require_both_outcomes(outcome, "training")
    entry = options.measurable_on(frame.columns)
    family = entry.definition
    longest = frame[DAYS_SINCE_PURCHASE].max() if family.kind == "candidate" else np.inf
    encoder = family.encoder(features)
    estimator = family.estimator(parameters, options.seed, options.threads)
    estimator.fit(encoder.fit_transform(drawn), outcome, sample_weight=weight)
    return PurchaseModel(
        encoder,
        estimator,
        name=entry.family,
        features=tuple(features),
        longest=float(longest),
        fitted_rows=len(drawn),
    )


def calibrate(
    model: PurchaseModel, frame: pd.DataFrame, options: CandidateOptions
) -> PurchaseModel:
    """Calibrate a model on rows that it was not trained on.

    Args:
        model: A fitted model.
        frame: The calibration window, columns of the feature frame; it is never a sample.
        options: The entry: which calibration and the seed.

    Raises:
        DataError: If the window lacks a class, or higher margins go with fewer purchases there.
    """
    outcome = frame[OUTCOME].to_numpy()
    require_both_outcomes(outcome, "calibration")
    given = model.margin(frame), outcome, frame[USER]
    fitted = fit_calibration(*given, choice=options.calibration, seed=options.seed)
    return replace(model, calibration=fitted)


def require_both_outcomes(outcome: Floats, window: Literal["training", "calibration"]) -> None:
    """Check that a model can learn from the outcomes of a window, shape (rows,).

    Raises:
        DataError: If all rows are purchases or none is one.
    """
    purchases = int(outcome.sum())
    if not 0 < purchases < len(outcome):
        share = {"training": "train_share", "calibration": "calibration_share"}[window]
        raise DataError(
            f"The {window} window must hold rows with and without a purchase; it holds "
            f"{purchases} purchases in {len(outcome)} rows. Give more data or a larger `{share}`."
        )
