"""The digest of what a bundle is made from."""

import pandas as pd

from push_propensity.frame.columns import COLUMNS, SAMPLING_WEIGHT
from push_propensity.models.candidates import Candidates
from push_propensity.models.fingerprint import take_fingerprint
from push_propensity.scoring.bundle import Fingerprint
from push_propensity.training.specification import Specification, TrainingOptions


def fingerprint_training(
    training_window: pd.DataFrame,
    calibration_window: pd.DataFrame,
    specification: Specification,
    candidates: Candidates,
    model_features: tuple[str, ...],
    training_options: TrainingOptions,
) -> Fingerprint:
    """Digest what a model is made from, so that the same things are not trained twice.

    Args:
        training_window: In canonical order, columns of the feature frame.
        calibration_window: Likewise.
        specification: The candidate and its parameters.
        candidates: How each candidate is trained.
        model_features: The columns that it uses.
        training_options: The other options of training.
    """
    entry = candidates[specification.candidate]
    asked = {"candidate", "parameters", "default_candidate"}
    parameters = {
        **specification.model_dump(),
        "features": list(model_features),
        "entry": entry.model_dump(exclude={"family", "parameters", "sweep", "search"}),
        "options": training_options.model_dump(exclude=asked),
    }
    columns = (*COLUMNS, *model_features, SAMPLING_WEIGHT)
    return take_fingerprint((training_window, calibration_window), columns, parameters)
