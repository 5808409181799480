"""A candidate's sweep: every trial fitted and measured on every rolling-origin fold."""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich import get_console
from rich.progress import track
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from push_propensity.evaluation.metrics import HEADLINE, evaluate_segments
from push_propensity.frame.columns import (
    FEATURE_NAMES,
    ORDERED_BEFORE,
    OUTCOME,
    PRODUCT,
    SAMPLING_WEIGHT,
)
from push_propensity.frame.split import MASK, fold_masks
from push_propensity.frame.weights import row_weights
from push_propensity.models.families import CandidateOptions, Estimator, Parameters
from push_propensity.models.purchase_model import draw_training_rows, margin

logger = logging.getLogger(__name__)

EARLY_STOPPING_METRIC = "logloss"
MOST_ROUNDS = 2_000
MEASURED = (PRODUCT, OUTCOME, ORDERED_BEFORE, SAMPLING_WEIGHT)  # what metrics are made of


@dataclass(frozen=True)
class EncodedFold:
    """One fold, encoded once for all trials of a candidate."""

    train: Any
    train_outcome: NDArray[np.float64]
    weight: NDArray[np.float64]
    validation: Any
    validation_frame: pd.DataFrame

    @classmethod
    def of(
        cls,
        development: pd.DataFrame,
        train: MASK,
        validation: MASK,
        options: CandidateOptions,
        features: Sequence[str] = FEATURE_NAMES,
    ) -> "EncodedFold":
        """Fit the encoder to the rows drawn from the fold's training part alone and encode both.

        Of a large frame no more is copied than is needed: the rows drawn, and what measures.
        """
        measured = [name for name in MEASURED if name in development]
        rows, weight = draw_training_rows(development, options.negative_share, options.seed, train)
        drawn = development.iloc[rows]
        encoder = options.definition.encoder(features)
        encoded, outcome = encoder.fit_transform(drawn), drawn[OUTCOME].to_numpy()
        del drawn
        held = encoder.transform(development.iloc[np.flatnonzero(validation)])
        return cls(encoded, outcome, weight, held, development.loc[validation, measured])


def sweep(
    development: pd.DataFrame,
    folds: pd.DataFrame,
    options: CandidateOptions,
    features: Sequence[str] = FEATURE_NAMES,
) -> pd.DataFrame:
    """Fit and measure every trial on every fold.

    Args:
        development: The rows of train and validation together.
        folds: The table of `splits.cut_folds`.
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
        encoded = EncodedFold.of(development, train, validation, entry, features)
        table = _sweep_fold(encoded, entry, fold)
        best = table.loc[table["segment"] == "all", HEADLINE].max()
        logger.info("%s, fold %d: best product AP %.3f", entry.family, fold, best)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def _sweep_fold(encoded: EncodedFold, options: CandidateOptions, fold: int) -> pd.DataFrame:
    trials = options.trials()
    fitted = _fit_trials(encoded, trials, options)
    progress = track(
        fitted,
        f"{options.family}, fold {fold}",
        total=len(trials),
        transient=True,
        disable=not get_console().is_terminal,
    )
    return pd.concat(
        _measure_trial(encoded, options, fold, number, *trial)
        for number, trial in enumerate(progress)
    )


def _measure_trial(
    encoded: EncodedFold,
    options: CandidateOptions,
    fold: int,
    trial: int,
    parameters: Parameters,
    estimator: Estimator,
) -> pd.DataFrame:
    """One row per segment."""
    probability = expit(margin(estimator, encoded.validation))
    measured = evaluate_segments(encoded.validation_frame, probability)
    entry: dict[str, Any] = {
        "candidate": options.family,
        "kind": options.definition.kind,
        "trial": trial,
        "fold": fold,
        "segment": measured.pop("segment"),
        "parameters": json.dumps(parameters.model_dump(), sort_keys=True),
        "n_estimators": _best_round(estimator, options),
    }
    for position, (name, value) in enumerate(entry.items()):
        measured.insert(position, name, value)
    return measured


def _fit_trials(
    fold: EncodedFold, trials: list[Parameters], options: CandidateOptions
) -> Iterator[tuple[Parameters, Estimator]]:
    """Fit the trials in order; linear models start from the solution of the trial before."""
    previous: Estimator | None = None
    for parameters in trials:
        estimator = options.definition.estimator(parameters, options.seed, options.threads)
        if options.definition.boosted:
            fit_boosted(estimator, fold, options)
        else:
            _start_from(previous, estimator)
            estimator.fit(fold.train, fold.train_outcome, sample_weight=fold.weight)
        yield parameters, estimator
        previous = estimator


def _start_from(previous: Estimator | None, estimator: Estimator) -> None:
    """Warm start: hand the coefficients of a fitted linear model to the next one."""
    if isinstance(previous, LogisticRegression) and isinstance(estimator, LogisticRegression):
        estimator.coef_ = previous.coef_.copy()
        estimator.intercept_ = previous.intercept_.copy()


def fit_boosted(
    estimator: Any, fold: EncodedFold, options: CandidateOptions, most_rounds: int = MOST_ROUNDS
) -> None:
    """Boost until the log loss of the fold's validation part stops falling.

    Args:
        estimator: A classifier of XGBoost, not yet fitted; `best_iteration` counts from 0.
        fold: The encoded rows.
        options: After how many rounds without gain to stop.
        most_rounds: Where boosting stops at the latest.
    """
    estimator.set_params(
        n_estimators=most_rounds,
        early_stopping_rounds=options.early_stopping_rounds,
        eval_metric=EARLY_STOPPING_METRIC,
    )
    evaluation = [(fold.validation, fold.validation_frame[OUTCOME].to_numpy())]
    weight = row_weights(fold.validation_frame)
    estimator.fit(
        fold.train,
        fold.train_outcome,
        sample_weight=fold.weight,
        eval_set=evaluation,
        sample_weight_eval_set=None if weight is None else [weight],
        verbose=False,
    )


def _best_round(estimator: Any, options: CandidateOptions) -> float:
    return estimator.best_iteration + 1.0 if options.definition.boosted else float("nan")
