"""Nodes of the reporting pipeline: thin calls of the domain functions."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from push_propensity.evaluation import curves, importance, slices, thresholds, uncertainty
from push_propensity.evaluation.importance import Contender
from push_propensity.evaluation.options import ReportOptions
from push_propensity.frame.columns import (
    CREATED_AT,
    ORDER,
    ORDER_DATE,
    ORDERED_BEFORE,
    OUTCOME,
    PRODUCT,
    PRODUCT_TYPE,
    USER,
)
from push_propensity.frame.split import SplitOptions
from push_propensity.reports import page
from push_propensity.reports.figures import report
from push_propensity.reports.findings import Evidence
from push_propensity.reports.sections import Setting
from push_propensity.selection import paths

KEYS = [
    ORDER,
    USER,
    PRODUCT,
    CREATED_AT,
    ORDER_DATE,
    PRODUCT_TYPE,
    "user_order_seq",
    ORDERED_BEFORE,
    OUTCOME,
]


def score_test(test: pd.DataFrame, **models: Contender) -> pd.DataFrame:
    """Score the test window with every entry."""
    return _score(test, models)


def score_calibration(calibration: pd.DataFrame, **models: Contender) -> pd.DataFrame:
    """Score the calibration window with every entry, to choose thresholds on."""
    return _score(calibration, models)


def _score(frame: pd.DataFrame, models: Mapping[str, Contender]) -> pd.DataFrame:
    probabilities = {model.name: model.predict(frame) for model in models.values()}
    return frame[KEYS].assign(**probabilities).reset_index(drop=True)


def resample_test(test_scores: pd.DataFrame, report_options: ReportOptions) -> pd.DataFrame:
    """Measure every entry on the same resamples of the users."""
    return uncertainty.resample(
        test_scores,
        _entries(test_scores),
        resamples=report_options.resamples,
        seed=report_options.seed,
        share=report_options.notified_share,
    )


def measure_test(
    test_scores: pd.DataFrame, test_resamples: pd.DataFrame, report_options: ReportOptions
) -> pd.DataFrame:
    """Every metric of every entry on test, with intervals."""
    return uncertainty.measure(
        test_scores,
        test_resamples,
        confidence=report_options.confidence,
        share=report_options.notified_share,
    )


def compare_entries(
    test_metrics: pd.DataFrame,
    test_resamples: pd.DataFrame,
    winner: dict[str, Any],
    report_options: ReportOptions,
) -> pd.DataFrame:
    """Paired differences between the winner and every other entry."""
    return uncertainty.compare(
        test_metrics, test_resamples, winner["candidate"], report_options.confidence
    )


def trace_curves(test_scores: pd.DataFrame, report_options: ReportOptions) -> pd.DataFrame:
    """Points of the ranking and calibration curves."""
    return curves.trace(
        test_scores,
        _entries(test_scores),
        report_options.curve_points,
        report_options.calibration_bins,
    )


def decide_test(
    test_scores: pd.DataFrame, calibration_scores: pd.DataFrame, report_options: ReportOptions
) -> pd.DataFrame:
    """Decisions on test at a threshold that was not chosen there."""
    chosen = thresholds.choose(
        calibration_scores, _entries(calibration_scores), report_options.threshold
    )
    return thresholds.decide(
        test_scores,
        chosen,
        resamples=report_options.resamples,
        seed=report_options.seed,
        confidence=report_options.confidence,
    )


def sweep_thresholds(
    test_scores: pd.DataFrame, winner: dict[str, Any], report_options: ReportOptions
) -> pd.DataFrame:
    """Precision, recall and F1 of the winner over all thresholds."""
    return thresholds.sweep(test_scores, winner["candidate"], report_options.curve_points)


def trace_regularisation(trials: pd.DataFrame) -> pd.DataFrame:
    """How the score moved with each swept parameter."""
    return paths.paths(trials)


def permute_features(
    test: pd.DataFrame,
    calibration: pd.DataFrame,
    winner: dict[str, Any],
    report_options: ReportOptions,
    **models: Contender,
) -> pd.DataFrame:
    """What the winner loses when a feature is shuffled."""
    window = {"test": test, "calibration": calibration}[report_options.importance_window]
    sample = importance.sample_orders(window, report_options.importance_orders, report_options.seed)
    model = models[winner["candidate"]]
    return importance.permutation_importance(
        model,
        sample,
        features=model.features,
        repeats=report_options.importance_repeats,
        seed=report_options.seed,
    )


def measure_slices(
    test_scores: pd.DataFrame, winner: dict[str, Any], report_options: ReportOptions
) -> pd.DataFrame:
    """The winner's quality by product type, user and week."""
    return slices.measure(
        test_scores,
        winner["candidate"],
        resamples=report_options.resamples,
        seed=report_options.seed,
        confidence=report_options.confidence,
    )


def write_findings(report_options: ReportOptions, **evidence: Any) -> dict[str, Any]:
    """What worked, what did not and by how much, in words."""
    return page.findings_of(_evidence(report_options, evidence))


def render_report(
    split_summary: dict[str, Any],
    data_quality: dict[str, Any],
    findings: dict[str, Any],
    report_options: ReportOptions,
    split: SplitOptions,
    **inputs: Any,
) -> str:
    """The report as one HTML page."""
    drawn = {name: value for name, value in inputs.items() if isinstance(value, go.Figure)}
    known = {name: value for name, value in inputs.items() if name not in drawn}
    evidence = _evidence(report_options, known)
    setting = _setting(split_summary, data_quality, report_options, split)
    return page.render_html(evidence, setting, findings, drawn)


def write_model_card(
    split_summary: dict[str, Any],
    data_quality: dict[str, Any],
    findings: dict[str, Any],
    report_options: ReportOptions,
    split: SplitOptions,
    **evidence: Any,
) -> str:
    """The model card as Markdown."""
    setting = _setting(split_summary, data_quality, report_options, split)
    return page.render_card(_evidence(report_options, evidence), setting, findings)


def plot_gains(
    test_curves: pd.DataFrame, winner: dict[str, Any], report_options: ReportOptions
) -> go.Figure:
    """Share of purchases reached against share of users notified."""
    return report.plot_gains(test_curves, winner, report_options.notified_share)


def plot_product_types(test_slices: pd.DataFrame, report_options: ReportOptions) -> go.Figure:
    """Quality by product type."""
    return report.plot_product_types(test_slices, report_options.minimum_slice_purchases)


def _entries(scores: pd.DataFrame) -> list[str]:
    return [str(name) for name in scores.columns if name not in KEYS]


def _evidence(options: ReportOptions, given: Mapping[str, Any]) -> Evidence:
    return Evidence(
        **given,
        notified_share=options.notified_share,
        confidence=options.confidence,
        minimum_slice_purchases=options.minimum_slice_purchases,
    )


def _setting(
    splits: dict[str, Any],
    data_quality: dict[str, Any],
    options: ReportOptions,
    split: SplitOptions,
) -> Setting:
    return Setting(
        splits=splits,
        checks=data_quality["checks"],
        importance_window=options.importance_window,
        threshold_given=options.threshold is not None,
        minimum_items=split.minimum_items,
        basket=split.basket,
        data_source=options.data_source,
    )
