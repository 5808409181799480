"""Nodes of the feature study."""

from typing import Any

import pandas as pd

from push_propensity.models.families import CandidateOptions
from push_propensity.models.purchase_model import PurchaseModel
from push_propensity.reports import study_tables
from push_propensity.selection.variants import comparison
from push_propensity.selection.variants.options import StudyOptions, quick, with_winner
from push_propensity.selection.variants.trials import measure_variants
from push_propensity.selection.variants.variants import ablation_variants, encoding_variants


def ablate_features(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    folds: pd.DataFrame,
    winner: dict[str, Any],
    xgboost: CandidateOptions,
    feature_study: StudyOptions,
) -> pd.DataFrame:
    """Measure XGBoost with and without each group of extended features."""
    entry = quick(with_winner(xgboost, winner), feature_study)
    variants = ablation_variants(train.columns, entry)
    development = pd.concat([train, validation], ignore_index=True)
    return measure_variants(development, folds, variants, feature_study)


def try_encodings(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    folds: pd.DataFrame,
    winner: dict[str, Any],
    logistic_l2: CandidateOptions,
    xgboost: CandidateOptions,
    feature_study: StudyOptions,
) -> pd.DataFrame:
    """Measure encodings of the categories and selections of columns."""
    linear, boosted = (
        quick(with_winner(entry, winner), feature_study) for entry in (logistic_l2, xgboost)
    )
    variants = encoding_variants(train.columns, linear, boosted, feature_study)
    development = pd.concat([train, validation], ignore_index=True)
    return measure_variants(development, folds, variants, feature_study)


def fit_compared_models(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    calibration: pd.DataFrame,
    folds: pd.DataFrame,
    winner: dict[str, Any],
    xgboost: CandidateOptions,
    own_frequency: CandidateOptions,
) -> dict[str, PurchaseModel]:
    """Fit XGBoost to the frame's features and to the extended ones, and the baseline."""
    entry = with_winner(xgboost, winner)
    development = pd.concat([train, validation], ignore_index=True)
    return comparison.fit_compared_models(
        development, folds, calibration, entry, own_frequency, winner
    )


def compare_models(
    compared_models: dict[str, PurchaseModel], test: pd.DataFrame, feature_study: StudyOptions
) -> pd.DataFrame:
    """Measure both choices of features on test."""
    return comparison.compare_models(compared_models, test, feature_study)


def write_feature_study(
    feature_ablation: pd.DataFrame,
    encoding_trials: pd.DataFrame,
    feature_comparison: pd.DataFrame,
    feature_study: StudyOptions,
) -> str:
    """The three tables as Markdown."""
    return study_tables.write_feature_study(
        feature_ablation, encoding_trials, feature_comparison, feature_study
    )
