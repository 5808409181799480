"""The feature study's figures: dots with their intervals, one row per variant."""

import pandas as pd
import plotly.graph_objects as go

from push_propensity.evaluation.metrics import HEADLINE
from push_propensity.reports.figures.drawing import (
    BLUE,
    GREY,
    VERMILION,
    draw_dots,
    error_bars,
    fitting_height,
    headline_bars,
    legend_below,
    new_figure,
)
from push_propensity.reports.study_tables import CHOICES, compared_label
from push_propensity.reports.wording import metric_label

SYMBOLS = ("circle", "diamond")


def plot_feature_ablation(feature_ablation: pd.DataFrame) -> go.Figure:
    """How product AP changes with each group of extended features, and without it.

    Args:
        feature_ablation: From `study.trials.measure_variants`.
    """
    return _differences(feature_ablation, "What each group of features is worth (XGBoost)")


def plot_encoding_trials(encoding_trials: pd.DataFrame) -> go.Figure:
    """How product AP changes with other encodings and selections of columns.

    Args:
        encoding_trials: From `study.trials.measure_variants`.
    """
    return _differences(encoding_trials, "Encodings and selections that were tried")


def _differences(variants: pd.DataFrame, title: str) -> go.Figure:
    """One row per variant that has a reference, a colour and symbol per reference."""
    compared = variants[variants["variant"] != variants["reference"]].iloc[::-1]
    figure = new_figure(title, fitting_height(len(compared), 30))
    references = list(dict.fromkeys(variants["reference"]))
    for reference, colour, symbol in zip(references, (BLUE, VERMILION), SYMBOLS, strict=False):
        part = compared[compared["reference"] == reference]
        dots = draw_dots(part["difference"], list(part["variant"]), f"minus {reference}", colour)
        dots.error_x = error_bars(part["difference"], part["low"], part["high"])
        dots.marker.symbol = symbol
        figure.add_trace(dots)
    figure.add_vline(x=0, line={"color": "#444444", "width": 1})
    figure.update_xaxes(title=f"difference in {metric_label(HEADLINE)}, interval over users")
    figure.update_yaxes(categoryorder="array", categoryarray=list(compared["variant"]))
    return legend_below(figure, len(references))


def plot_feature_comparison(feature_comparison: pd.DataFrame) -> go.Figure:
    """Product AP on test of both choices of features and of the baseline.

    Args:
        feature_comparison: From `study.comparison.compare_models`.
    """
    table = feature_comparison.iloc[::-1]
    names = [compared_label(row) for row in table.to_dict("records")]
    dots = draw_dots(table[HEADLINE], names, "on test", BLUE)
    dots.error_x = headline_bars(table)
    dots.marker.color = [BLUE if choice in CHOICES else GREY for choice in table["choice"]]
    figure = new_figure("What extended features add on test", fitting_height(len(names), 46))
    figure.add_trace(dots)
    title = f"{metric_label(HEADLINE)} on test, interval over users"
    figure.update_xaxes(title=title, rangemode="tozero")
    return figure
