"""Reporting: test results of every entry, figures, findings and the report."""

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline

from push_propensity.evaluation.calibration import (
    count_products,
    describe_fits,
    measure_calibration,
)
from push_propensity.evaluation.current import count_outside, rank_who_left, take_current_frame
from push_propensity.evaluation.curves import trace_curves
from push_propensity.evaluation.importance import permute_features
from push_propensity.evaluation.lags import select_lags
from push_propensity.evaluation.scored import score_entries
from push_propensity.evaluation.slices import measure_slices
from push_propensity.evaluation.thresholds import decide_test, sweep_thresholds
from push_propensity.evaluation.uncertainty import compare_entries, measure_test, resample_test
from push_propensity.models import families
from push_propensity.reports.figures import report as figures
from push_propensity.reports.findings import write_findings
from push_propensity.reports.page import render_report
from push_propensity.selection.paths import trace_regularisation

OPTIONS = "params:report_options"
CURRENT, TODAY = "current_frame@pandas", "users_of_today"
EVIDENCE = {
    "winner": "winner",
    "leaderboard": "leaderboard",
    "metrics": "test_metrics",
    "comparisons": "test_comparisons",
    "curves": "test_curves",
    "fits": "model_fits",
    "calibration": "test_calibration",
    "products": "test_products",
    "decisions": "test_decisions",
    "paths": "regularisation_paths",
    "importance": "feature_importance",
    "slices": "test_slices",
    "lags": "test_lags",
    "who_left": "current_ranks",
    "outside": "current_ranges",
    "options": OPTIONS,
}
RANKED = ["test_curves", "test_metrics", "winner"]
DRAWINGS: tuple[tuple[Callable[..., Any], list[str]], ...] = (
    (figures.plot_leaderboard, ["leaderboard", "test_metrics", OPTIONS]),
    (figures.plot_comparisons, ["test_comparisons", "winner"]),
    (figures.plot_headline, ["test_curves", "winner", OPTIONS]),
    (figures.plot_gains, ["test_curves", "winner", OPTIONS]),
    (figures.plot_product_precision_recall, RANKED),
    (figures.plot_precision_recall, RANKED),
    (figures.plot_product_roc, RANKED),
    (figures.plot_roc, RANKED),
    (figures.plot_calibration, RANKED),
    (figures.plot_expected, ["test_calibration", "winner", OPTIONS]),
    (figures.plot_products, ["test_products", OPTIONS]),
    (figures.plot_thresholds, ["test_threshold_sweep", "test_decisions", "winner"]),
    (figures.plot_confusion, ["test_decisions", "winner"]),
    (figures.plot_regularisation, ["regularisation_paths"]),
    (figures.plot_importance, ["feature_importance"]),
    (figures.plot_product_types, ["test_slices", OPTIONS]),
    (figures.plot_users, ["test_slices", OPTIONS]),
    (figures.plot_weeks, ["test_slices", OPTIONS]),
    (figures.plot_lags, ["test_lags"]),
)
FIGURES = [f"{draw.__name__.removeprefix('plot_')}_figure" for draw, _ in DRAWINGS]


def create_pipeline() -> Pipeline:
    """Measure on test, draw, and write it up."""
    return _measurements() + _figures() + _documents()


def _measurements() -> Pipeline:
    models = {entry: f"{entry}_model" for entry in families.ENTRIES}
    given = {name: name for name in ("test", "calibration", "winner")}
    shuffled = given | {"report_options": OPTIONS} | models
    return Pipeline(
        [
            *(
                Node(
                    score_entries,
                    {"frame": part} | models,
                    f"{part}_scores",
                    name=f"score_{part}",
                )
                for part in ("test", "calibration")
            ),
            Node(resample_test, ["test_scores", OPTIONS], "test_resamples", name="resample_test"),
            Node(
                measure_test,
                ["test_scores", "test_resamples", OPTIONS],
                "test_metrics",
                name="measure_test",
            ),
            Node(
                compare_entries,
                ["test_metrics", "test_resamples", "winner", OPTIONS],
                "test_comparisons",
                name="compare_entries",
            ),
            Node(trace_curves, ["test_scores", OPTIONS], "test_curves", name="trace_curves"),
            Node(describe_fits, models, "model_fits", name="describe_fits"),
            Node(
                measure_calibration,
                ["test_scores", "winner", OPTIONS],
                "test_calibration",
                name="measure_calibration",
            ),
            Node(
                count_products,
                ["test_scores", "winner", OPTIONS],
                "test_products",
                name="count_products",
            ),
            Node(
                decide_test,
                ["test_scores", "calibration_scores", OPTIONS],
                "test_decisions",
                name="decide_test",
            ),
            Node(
                sweep_thresholds,
                ["test_scores", "winner", OPTIONS],
                "test_threshold_sweep",
                name="sweep_thresholds",
            ),
            Node(
                trace_regularisation, "trials", "regularisation_paths", name="trace_regularisation"
            ),
            Node(permute_features, shuffled, "feature_importance", name="permute_features"),
            Node(
                measure_slices,
                ["test_scores", "winner", OPTIONS],
                "test_slices",
                name="measure_slices",
            ),
            Node(
                select_lags,
                ["lag_metrics", "test", "winner"],
                "test_lags",
                name="select_lags",
            ),
            Node(
                take_current_frame,
                {"current_frame": CURRENT, "test": "test"} | models,
                TODAY,
                name="take_current_frame",
            ),
            Node(
                rank_who_left,
                {TODAY: TODAY} | models,
                "current_ranks",
                name="rank_who_left",
            ),
            Node(
                count_outside,
                {TODAY: TODAY, "winner": "winner"} | models,
                "current_ranges",
                name="count_outside",
            ),
        ]
    )


def _figures() -> Pipeline:
    return Pipeline(
        [
            Node(draw, inputs, figure, name=draw.__name__)
            for (draw, inputs), figure in zip(DRAWINGS, FIGURES, strict=True)
        ]
    )


def _documents() -> Pipeline:
    stated = ("split_summary", "data_quality", "intake_report", "findings", *FIGURES)
    return Pipeline(
        [
            Node(write_findings, EVIDENCE, "findings", name="write_findings"),
            Node(
                render_report,
                EVIDENCE | {"split": "params:split"} | {name: name for name in stated},
                "report",
                name="render_report",
            ),
        ]
    )
