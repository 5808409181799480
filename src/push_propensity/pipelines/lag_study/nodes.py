"""Nodes of the `lag_study` pipeline."""

from typing import Any

import pandas as pd

from push_propensity.evaluation import lags
from push_propensity.evaluation.lags import LagOptions
from push_propensity.evaluation.options import ReportOptions
from push_propensity.features import FeatureOptions, RawTables
from push_propensity.models.families import BASELINE
from push_propensity.models.purchase_model import PurchaseModel


def measure_lags(
    raw: RawTables,
    test: pd.DataFrame,
    winner: dict[str, Any],
    feature_options: FeatureOptions,
    lag_study: LagOptions,
    report_options: ReportOptions,
    **models: PurchaseModel,
) -> pd.DataFrame:
    """Measure the winner and the baseline to beat on test, their features taken earlier."""
    chosen = [models[winner["candidate"]], models[BASELINE]]
    scores = (
        (hours, lags.score_at_lag(raw, test, chosen, feature_options, hours))
        for hours in lag_study.with_frame(feature_options.lag_hours)
    )
    return lags.measure_lags(
        scores,
        test,
        winner,
        resamples=report_options.resamples,
        seed=report_options.seed,
        confidence=report_options.confidence,
    )
