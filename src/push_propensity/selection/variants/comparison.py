"""The frame's features against the extended ones on test, both fitted as contenders are."""

import logging
from collections.abc import Mapping
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from push_propensity.evaluation.bootstrap import Resamples
from push_propensity.evaluation.metrics import (
    HEADLINE,
    evaluate_segments,
    headline_by_segment,
)
from push_propensity.frame.columns import USER, FeatureChoice, choose_features
from push_propensity.models import families
from push_propensity.models.candidates import Candidates
from push_propensity.models.purchase_model import PurchaseModel, calibrate, fit_model
from push_propensity.selection.choice import SelectionOptions, choose_trial
from push_propensity.selection.sweep import sweep
from push_propensity.selection.variants.options import StudyOptions, with_winner
from push_propensity.selection.variants.trials import POOLED, resample_headline
from push_propensity.selection.variants.variants import BOOSTED, extended_groups

logger = logging.getLogger(__name__)

FRAME, EXTENDED, BASELINE = "frame", "extended", "baseline"


def fit_compared_models(
    development: pd.DataFrame,
    calibration: pd.DataFrame,
    folds: pd.DataFrame,
    winner: dict[str, Any],
    candidates: Candidates,
) -> dict[str, PurchaseModel]:
    """Fit boosted trees to either choice of features, and the baseline, and calibrate them all.

    Args:
        development: What is fitted to, train and validation together.
        calibration: The calibration window.
        folds: The table of `split.cut_folds`; boosting rounds are the median best round of them.
        winner: From model selection. Where it is boosted, its rounds are taken as they are for the
            choice of features that it was selected with.
        candidates: Every entry; the parameters of the boosted one serve for both choices.

    Returns:
        The models of `frame`, `extended` and `baseline`.

    Raises:
        DataError: If the frame has no extended feature.
    """
    extended_groups(development.columns)
    entry, baseline = with_winner(candidates[BOOSTED], winner), candidates[families.BASELINE]
    single = entry.model_copy(update={"sweep": {}})
    models = {}
    for choice in get_args(FeatureChoice):
        features = choose_features(development.columns, choice)
        if (winner["candidate"], winner["features"]) == (entry.family, choice):
            parameters = winner["parameters"]
        else:
            trials = sweep(development, folds, single, features)
            chosen = choose_trial(trials, single, SelectionOptions(features=choice))
            parameters = chosen["parameters"]
        model = fit_model(development, entry, entry.complete(parameters), features)
        models[choice] = calibrate(model, calibration, entry)
        logger.info("Fitted %s to %d features (%s)", entry.family, len(features), choice)
    rule = fit_model(development, baseline, baseline.complete({}))
    return models | {BASELINE: calibrate(rule, calibration, baseline)}


def compare_models(
    compared_models: Mapping[str, PurchaseModel],
    test: pd.DataFrame,
    feature_study: StudyOptions,
) -> pd.DataFrame:
    """Measure the models on test, on the same resamples of the users.

    Args:
        compared_models: From `fit_compared_models`.
        test: The test part; nothing is fitted to it.
        feature_study: The bootstrap.

    Returns:
        One row per model: choice, entry (the family), features (how many), rows, purchases, the
        product average precision with low and high, its values for repeat and explore rows, pooled
        average precision, log loss; then `gain_over_frame` and `gain_over_baseline`, each with
        `_low` and `_high`: by which share of the other's its product average precision is higher.
    """
    models, options = compared_models, feature_study
    probability = {name: model.predict(test) for name, model in models.items()}
    table = pd.DataFrame([_measure(test, name, models[name], probability[name]) for name in models])
    resamples = options.resample(test[USER])
    drawn = resample_headline([(test, probability)], resamples)
    values = table.set_index("choice")[HEADLINE]
    ends = [resamples.interval_of_share(drawn[name], values[name]) for name in models]
    table[[f"{HEADLINE}_low", f"{HEADLINE}_high"]] = ends
    for other in (FRAME, BASELINE):
        gains = [_gain(drawn, values, name, other, resamples) for name in models]
        column = f"gain_over_{other}"
        table[[column, f"{column}_low", f"{column}_high"]] = gains
        percent = (100 * share for share in dict(zip(models, gains, strict=True))[EXTENDED])
        text = "Test product AP, extended over %s: %+.1f %% (%+.1f to %+.1f %%)"
        logger.info(text, other, *percent)
    return table


def _measure(
    test: pd.DataFrame, choice: str, model: PurchaseModel, probability: NDArray[np.float64]
) -> dict[str, Any]:
    measured = evaluate_segments(test, probability).set_index("segment")
    return {
        "choice": choice,
        "entry": model.name,
        "features": len(model.features),
        **measured.loc["all", ["rows", "purchases"]].astype(int),
        **headline_by_segment(measured),
        **measured.loc["all", list(POOLED)],
    }


def _gain(
    drawn: pd.DataFrame, values: "pd.Series[float]", name: str, other: str, resamples: Resamples
) -> tuple[float, float, float]:
    """Relative gain of one model over another and the ends of its paired interval."""
    gain = values[name] / values[other] - 1
    low, high = resamples.interval(drawn[name] / drawn[other] - 1, gain)
    return gain, low, high
