"""Fitting and measuring on rolling-origin folds: the sweep of a candidate, trial by trial.

The feature study measures its variants with the same functions.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from rich import get_console
from rich.progress import track
from scipy.special import expit

from push_propensity.evaluation.metrics import HEADLINE, evaluate_segments
from push_propensity.frame.columns import (
    FEATURE_NAMES,
    ORDERED_BEFORE,
    OUTCOME,
    PRODUCT,
    SAMPLING_WEIGHT,
    USER,
)
from push_propensity.frame.split import MASK, fold_masks, join_development
from push_propensity.frame.weights import row_weights
from push_propensity.models.candidates import CandidateOptions
from push_propensity.models.family import EncodedRows, Estimator, Floats, FoldRows, Parameters
from push_propensity.models.purchase_model import draw_training_rows
from push_propensity.selection.choice import SelectionOptions, pick_features

logger = logging.getLogger(__name__)

T = TypeVar("T")

MEASURED = (USER, PRODUCT, OUTCOME, ORDERED_BEFORE, SAMPLING_WEIGHT)  # what metrics are made of


@dataclass(frozen=True)
class EncodedFold(FoldRows):
    """One fold, encoded once for all trials of a candidate.

    Attributes:
        measured: The columns of the validation part that metrics are made of.
    """

    measured: pd.DataFrame

    @classmethod
    def of(
        cls,
        development: pd.DataFrame,
        train: MASK,
        validation: MASK,
        options: CandidateOptions,
        encoder: Any,
    ) -> "EncodedFold":
        """Fit the encoder to the rows drawn from the fold's training part alone and encode both.

        Of a large frame no more is copied than is needed: the rows drawn, and what measures.
        """
        rows, weight = draw_training_rows(development, options.negative_share, options.seed, train)
        drawn = development.iloc[rows]
        outcome = drawn[OUTCOME].to_numpy()
        fitted = EncodedRows(encoder.fit_transform(drawn, outcome), outcome, weight)
        del drawn
        held = encoder.transform(development.iloc[np.flatnonzero(validation)])
        measured = development.loc[validation, [n for n in MEASURED if n in development]]
        measured_rows = EncodedRows(held, measured[OUTCOME].to_numpy(), row_weights(measured))
        return cls(fitted, measured_rows, measured)


@dataclass(frozen=True)
class FittedTrial:
    """What one setting of a candidate gave on a fold.

    Attributes:
        parameters: The setting.
        probability: Of the fold's validation rows, shape (rows,).
        columns: How many columns the estimator saw.
        best_round: Rounds of boosting; NaN where not boosted.
    """

    parameters: Parameters
    probability: Floats
    columns: int
    best_round: float


def fit_trials(
    fold: EncodedFold, trials: Iterable[Parameters], options: CandidateOptions
) -> Iterator[FittedTrial]:
    """Fit settings of a candidate to a fold, the simplest first, and score its validation rows."""
    family = options.definition
    previous: Estimator | None = None
    for parameters in trials:
        estimator = family.estimator(parameters, options.seed, options.threads)
        family.fit_trial(estimator, fold, previous, options.stopping)
        probability = expit(family.margin(estimator, fold.validation.encoded))
        columns = fold.train.encoded.shape[1]
        yield FittedTrial(parameters, probability, columns, family.best_round(estimator))
        previous = estimator


def sweep_candidate(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    folds: pd.DataFrame,
    candidate: CandidateOptions,
    selection_options: SelectionOptions,
) -> pd.DataFrame:
    """Fit and measure every trial of one candidate on every fold; see `sweep`."""
    development = join_development(train, validation)
    features = pick_features(development, selection_options)
    return sweep(development, folds, candidate, features)


def sweep(
    development: pd.DataFrame,
    folds: pd.DataFrame,
    options: CandidateOptions,
    features: Sequence[str] = FEATURE_NAMES,
) -> pd.DataFrame:
    """Fit and measure every trial on every fold.

    Args:
        development: The rows of train and validation together.
        folds: The table of `split.cut_folds`.
        options: The family, its sweep and how to train it.
        features: The columns that a candidate uses; a baseline has its own.

    Returns:
        One row per (trial, fold, segment): candidate (the family that was fitted), kind, trial,
        fold, segment, parameters (JSON text), n_estimators (best round; NaN where not boosted),
        then what `evaluate` gives.
    """
    entry = options.measurable_on(development.columns)
    tables = []
    for fold, train, validation in fold_masks(development, folds):
        encoder = entry.definition.encoder(features)
        encoded = EncodedFold.of(development, train, validation, entry, encoder)
        table = _sweep_fold(encoded, entry, fold)
        best = table.loc[table["segment"] == "all", HEADLINE].max()
        logger.info("%s, fold %d: best product AP %.3f", entry.family, fold, best)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _sweep_fold(encoded: EncodedFold, options: CandidateOptions, fold: int) -> pd.DataFrame:
    trials = options.trials()
    fitted = fit_trials(encoded, trials, options)
    progress = show_progress(fitted, f"{options.family}, fold {fold}", len(trials))
    return pd.concat(
        _measure_trial(encoded, options, fold, number, trial)
        for number, trial in enumerate(progress)
    )


def show_progress(steps: Iterable[T], text: str, total: int) -> Iterable[T]:
    """Draw a bar on a terminal while the steps are taken."""
    hidden = not get_console().is_terminal
    return track(steps, text, total=total, transient=True, disable=hidden)


def _measure_trial(
    encoded: EncodedFold,
    options: CandidateOptions,
    fold: int,
    number: int,
    trial: FittedTrial,
) -> pd.DataFrame:
    """One row per segment."""
    measured = evaluate_segments(encoded.measured, trial.probability)
    entry: dict[str, Any] = {
        "candidate": options.family,
        "kind": options.definition.kind,
        "trial": number,
        "fold": fold,
        "segment": measured.pop("segment"),
        "parameters": json.dumps(trial.parameters.model_dump(), sort_keys=True),
        "n_estimators": trial.best_round,
    }
    for position, (name, value) in enumerate(entry.items()):
        measured.insert(position, name, value)
    return measured
