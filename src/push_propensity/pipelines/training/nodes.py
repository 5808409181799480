"""Nodes of training."""

from typing import Any

import pandas as pd

from push_propensity.frame.columns import choose_features
from push_propensity.frame.split import Split, SplitOptions, roll_windows
from push_propensity.models import export
from push_propensity.models.families import CandidateOptions
from push_propensity.models.purchase_model import PurchaseModel
from push_propensity.scoring.bundle import Bundle, Fingerprint
from push_propensity.selection.choice import SelectionOptions
from push_propensity.training import assembly
from push_propensity.training import fingerprint as fingerprints
from push_propensity.training import specification as specifications
from push_propensity.training.specification import Specification, TrainingOptions


def collect_candidates(
    logistic_l2: CandidateOptions,
    logistic_elastic_net: CandidateOptions,
    xgboost: CandidateOptions,
) -> dict[str, CandidateOptions]:
    """The configured candidates by name."""
    return {options.family: options for options in (logistic_l2, logistic_elastic_net, xgboost)}


def choose_specification(
    winner: dict[str, Any],
    training_options: TrainingOptions,
    candidates: dict[str, CandidateOptions],
) -> Specification:
    """Decide which candidate to train, with which parameters."""
    return specifications.choose_specification(winner, training_options, candidates)


def cut_windows(
    train: pd.DataFrame,
    validation: pd.DataFrame,
    calibration: pd.DataFrame,
    test: pd.DataFrame,
    training_options: TrainingOptions,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows to train on and those to calibrate on."""
    if training_options.refit == "all":
        return roll_windows(Split(train, validation, calibration, test))
    return pd.concat([train, validation], ignore_index=True), calibration


def pick_features(
    training_window: pd.DataFrame, selection_options: SelectionOptions
) -> tuple[str, ...]:
    """Name the features that the candidate uses."""
    return choose_features(training_window.columns, selection_options.features)


def take_fingerprint(
    training_window: pd.DataFrame,
    calibration_window: pd.DataFrame,
    specification: Specification,
    candidates: dict[str, CandidateOptions],
    model_features: tuple[str, ...],
    training_options: TrainingOptions,
) -> Fingerprint:
    """Digest data, parameters and code."""
    entry = candidates[specification.candidate]
    return fingerprints.take_fingerprint(
        training_window,
        calibration_window,
        specification,
        entry,
        model_features,
        training_options,
    )


def train_model(
    training_window: pd.DataFrame,
    calibration_window: pd.DataFrame,
    specification: Specification,
    candidates: dict[str, CandidateOptions],
    model_features: tuple[str, ...],
) -> PurchaseModel:
    """Fit and calibrate the specified candidate."""
    entry = candidates[specification.candidate]
    return assembly.train_model(
        training_window, calibration_window, specification, entry, model_features
    )


def export_model(
    trained_model: PurchaseModel,
    training_window: pd.DataFrame,
    calibration_window: pd.DataFrame,
    training_options: TrainingOptions,
) -> tuple[bytes, float]:
    """The ONNX graph, and how far its probabilities are from the model's at most."""
    graph = export.export_model(trained_model)
    rows = specifications.parity_rows(training_window, calibration_window, training_options)
    tolerance = training_options.parity_tolerance
    return graph, export.check_parity(graph, trained_model, rows, tolerance)


def measure_model(
    trained_model: PurchaseModel,
    calibration_window: pd.DataFrame,
    parity: float,
    training_options: TrainingOptions,
) -> dict[str, Any]:
    """Metrics on the calibration window, and the export's largest difference."""
    metrics = assembly.measure(trained_model, calibration_window, training_options)
    return {**metrics, "export_difference": parity}


def assemble_bundle(
    onnx_graph: bytes,
    model_features: tuple[str, ...],
    fingerprint: Fingerprint,
    specification: Specification,
    training_window: pd.DataFrame,
    calibration_window: pd.DataFrame,
    model_metrics: dict[str, Any],
    environment: str,
    training_options: TrainingOptions,
    split: SplitOptions,
) -> Bundle:
    """Put together what is published."""
    return assembly.assemble_bundle(
        onnx_graph,
        model_features,
        fingerprint,
        specification,
        training_window,
        calibration_window,
        model_metrics,
        environment,
        training_options,
        split.minimum_items,
    )
