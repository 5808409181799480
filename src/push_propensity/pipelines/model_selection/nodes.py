"""Nodes of model selection."""

from typing import Any

import pandas as pd

from push_propensity.frame.columns import choose_features
from push_propensity.models.families import CandidateOptions
from push_propensity.models.purchase_model import PurchaseModel, calibrate, fit_model
from push_propensity.selection import choice as selection
from push_propensity.selection.choice import SelectionOptions
from push_propensity.selection.sweep import sweep


def sweep_candidate(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    folds: pd.DataFrame,
    candidate: CandidateOptions,
    selection_options: SelectionOptions,
) -> pd.DataFrame:
    """Fit and measure every trial of one candidate on every fold."""
    development = pd.concat([train, validation], ignore_index=True)
    features = choose_features(development.columns, selection_options.features)
    return sweep(development, folds, candidate, features)


def choose_trial(
    trials: pd.DataFrame, candidate: CandidateOptions, selection_options: SelectionOptions
) -> dict[str, Any]:
    """Choose the trial that stands for one candidate."""
    return selection.choose_trial(trials, candidate, selection_options)


def fit_contender(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    calibration: pd.DataFrame,
    choice: dict[str, Any],
    candidate: CandidateOptions,
    selection_options: SelectionOptions,
) -> PurchaseModel:
    """Fit the chosen trial to all orders before the calibration window and calibrate it."""
    development = pd.concat([train, validation], ignore_index=True)
    parameters = candidate.complete(choice["parameters"])
    features = choose_features(development.columns, selection_options.features)
    return calibrate(fit_model(development, candidate, parameters, features), calibration)


def combine_trials(*tables: pd.DataFrame) -> pd.DataFrame:
    """Put the trials of all entries into one table."""
    return pd.concat(tables, ignore_index=True)


def build_leaderboard(trials: pd.DataFrame, *choices: dict[str, Any]) -> pd.DataFrame:
    """Set the chosen trials of all entries beside each other."""
    return selection.build_leaderboard(trials, choices)


def choose_winner(
    leaderboard: pd.DataFrame, trials: pd.DataFrame, *choices: dict[str, Any]
) -> dict[str, Any]:
    """Choose the candidate to publish."""
    return selection.choose_winner(leaderboard, choices, trials)
