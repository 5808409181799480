"""Contenders: the chosen trial of each entry, all fitted like the winner."""

from typing import Any

import pandas as pd

from push_propensity.models.candidates import BUDGET, CandidateOptions, Candidates
from push_propensity.models.fingerprint import take_fingerprint
from push_propensity.models.purchase_model import PurchaseModel, calibrate, fit_model
from push_propensity.scoring.bundle import Fingerprint
from push_propensity.selection.choice import SelectionOptions, pick_features


def fit_contender(
    development: pd.DataFrame,
    calibration: pd.DataFrame,
    choice: dict[str, Any],
    candidate: CandidateOptions,
    selection_options: SelectionOptions,
) -> PurchaseModel:
    """Fit the chosen trial to all orders before the calibration window and calibrate it."""
    parameters = candidate.complete(choice["parameters"])
    features = pick_features(development, selection_options)
    model = fit_model(development, candidate, parameters, features)
    return calibrate(model, calibration, candidate)


def fingerprint_selection(
    development: pd.DataFrame,
    calibration: pd.DataFrame,
    folds: pd.DataFrame,
    candidates: Candidates,
    selection_options: SelectionOptions,
) -> Fingerprint:
    """Digest what the contenders, and the choice of the winner among them, are made from.

    Args:
        development: In canonical order, as is the next; all their columns count.
        calibration: The window that contenders are calibrated on.
        folds: The table of `split.cut_folds`.
        candidates: Every entry as it is configured.
        selection_options: The choice of features and the rule.
    """
    parameters = {
        "candidates": {n: options.model_dump(exclude=BUDGET) for n, options in candidates.items()},
        "selection": selection_options.model_dump(),
        "folds": folds.astype("str").to_dict("list"),
    }
    return take_fingerprint((development, calibration), sorted(development.columns), parameters)
