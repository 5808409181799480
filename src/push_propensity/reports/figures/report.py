"""The report's figures: tidy tables in, Plotly figures out.

Colours are Okabe and Ito's, told apart by people with any colour vision; baselines are also dotted.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from push_propensity.evaluation.calibration import limits_of_chance
from push_propensity.evaluation.metrics import HEADLINE
from push_propensity.evaluation.options import ReportOptions
from push_propensity.models.families import FAMILIES
from push_propensity.reports.figures.drawing import (
    BLUE,
    GREY,
    VERMILION,
    base_layout,
    draw_dots,
    error_bars,
    fitting_height,
    headline_bars,
    legend_below,
    mark_value,
    name_rows,
    new_figure,
    reference_line,
    rounded,
)
from push_propensity.reports.wording import (
    count,
    entry_label,
    metric_label,
    number,
    percent,
    plural,
)

COLOURS = {
    "xgboost": "#0072B2",
    "logistic_l2": "#D55E00",
    "logistic_elastic_net": "#CC79A7",
    "own_frequency": "#009E73",
    "ordered_before_popularity": "#009E73",  # stands in for the one above
    "decayed_frequency": "#56B4E9",
    "neighbour_frequency": "#000000",
    "global_popularity": "#E69F00",
    "constant": "#7F7F7F",
}
SPARE_COLOURS = ("#F0E442", "#A6761D")
MOST_DRAWN = 30
COUNTS = (0, 1, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
RATES = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0]
PERCENT = {"tickformat": ".0%"}


def plot_leaderboard(
    leaderboard: pd.DataFrame, test_metrics: pd.DataFrame, report_options: ReportOptions
) -> go.Figure:
    """Headline metric of every entry: mean over folds and on test, with their uncertainty.

    Args:
        leaderboard: One row per entry, the best first.
        test_metrics: From `uncertainty.measure_test`.
        report_options: With the confidence of its intervals.
    """
    table = leaderboard.iloc[::-1]
    names = [entry_label(entry) for entry in table["candidate"]]
    test = _on_all_rows(test_metrics, HEADLINE).reindex(table["candidate"])
    folds = draw_dots(table[HEADLINE], names, "Folds: mean ± standard error", GREY)
    folds.error_x = {"array": rounded(table[f"{HEADLINE}_standard_error"])}
    tested = draw_dots(test["value"], names, f"Test: {_sure(report_options)}", BLUE)
    tested.error_x = error_bars(test["value"], test["low"], test["high"])
    tested.update(offsetgroup="test", marker_symbol="diamond", marker_size=11)
    figure = new_figure("Leaderboard", fitting_height(len(names), 46))
    figure.add_traces([folds, tested])
    figure.update_xaxes(title=metric_label(HEADLINE), rangemode="tozero")
    return legend_below(figure, 2)


def plot_comparisons(test_comparisons: pd.DataFrame, winner: dict[str, object]) -> go.Figure:
    """How far the winner is ahead of every other entry, on the same resamples of users.

    Args:
        test_comparisons: From `uncertainty.compare_entries`.
        winner: With the name of the winner as `candidate`.
    """
    kept = test_comparisons.query("segment == 'all' and metric == @HEADLINE")
    kept = kept.sort_values("difference", ascending=False)
    names = [entry_label(entry) for entry in kept["entry"]]
    dots = draw_dots(kept["difference"], names, "difference", BLUE)
    dots.error_x = error_bars(kept["difference"], kept["low"], kept["high"])
    dots.marker.color = [GREY if v == "noise" else BLUE for v in kept["verdict"]]
    dots.error_x.color = "#444444"
    label = entry_label(str(winner["candidate"]))
    figure = new_figure(f"{label} minus each other entry", fitting_height(len(names), 40))
    figure.add_trace(dots)
    figure.add_vline(x=0, line={"color": "#444444", "width": 1})
    figure.update_xaxes(title=metric_label(HEADLINE))
    return figure


def plot_gains(
    test_curves: pd.DataFrame, winner: dict[str, object], report_options: ReportOptions
) -> go.Figure:
    """Share of purchases reached against share of users notified, within product.

    Args:
        test_curves: From `curves.trace_curves`.
        winner: With the name of the winner as `candidate`.
        report_options: With the share notified that the text speaks of; it is marked.
    """
    notified_share = report_options.notified_share
    figure = new_figure("Buyers reached when the likeliest users of each product are notified", 560)
    points, at = _gains(test_curves, notified_share)
    texts = {entry: percent(value) for entry, value in at.items()}
    _add_lines(figure, points, _by_value(at), texts, winner)
    figure.add_trace(reference_line([0, 1], [0, 1], "at random"))
    mark_value(figure, notified_share, f"{percent(notified_share)} notified", "top")
    figure.update_xaxes(title="share of users notified", range=[0, 1], **PERCENT)
    figure.update_yaxes(title="share of buyers reached", range=[0, 1.01], **PERCENT)
    return legend_below(figure, len(at) + 1, f"reached at {percent(notified_share)} notified")


def _gains(test_curves: pd.DataFrame, share: float) -> tuple[pd.DataFrame, dict[str, float]]:
    """The points of the gains curves, and how many buyers each entry reaches at a share."""
    points = test_curves[test_curves["curve"] == "gains"]
    at = {
        str(entry): float(np.interp(share, part["x"], part["y"]))
        for entry, part in points.groupby("entry")
    }
    return points, at


def plot_headline(
    test_curves: pd.DataFrame, winner: dict[str, object], report_options: ReportOptions
) -> go.Figure:
    """The gains of the winner, of the rule without a model that reaches most, and at random.

    Args:
        test_curves: From `curves.trace_curves`.
        winner: With the name of the winner as `candidate`.
        report_options: With the share notified that the text speaks of; it is marked.
    """
    share = report_options.notified_share
    points, at = _gains(test_curves, share)
    rules = [entry for entry in _by_value(at) if _is_baseline(entry) and entry != "constant"]
    shown = list(dict.fromkeys([str(winner["candidate"]), *rules[:1]]))
    texts = {entry: percent(at[entry]) for entry in shown}
    figure = new_figure(f"Buyers reached by notifying {percent(share)} of the users", 400)
    _add_lines(figure, points, shown, texts, winner)
    random = reference_line([0, 1], [0, 1], f"at random: {percent(share)}")
    figure.add_trace(random.update(line={"width": 2, "color": GREY}))
    mark_value(figure, share, f"{percent(share)} notified", "bottom")
    figure.update_xaxes(title="share of users notified", range=[0, 1], **PERCENT)
    figure.update_yaxes(title="share of buyers reached", range=[0, 1.01], **PERCENT)
    return legend_below(figure, len(shown) + 1)


def plot_product_precision_recall(
    test_curves: pd.DataFrame, test_metrics: pd.DataFrame, winner: dict[str, object]
) -> go.Figure:
    """Precision against recall within product, averaged over products by purchases."""
    figure = new_figure("Precision and recall within product", 560)
    _add_ranking(figure, test_curves, test_metrics, winner, "product_precision_recall", HEADLINE)
    return _as_precision_recall(figure)


def plot_precision_recall(
    test_curves: pd.DataFrame, test_metrics: pd.DataFrame, winner: dict[str, object]
) -> go.Figure:
    """Precision against recall over all rows together."""
    figure = new_figure("Precision and recall, all rows pooled", 560)
    metric = "average_precision"
    _add_ranking(figure, test_curves, test_metrics, winner, "precision_recall", metric)
    return _as_precision_recall(figure)


def _as_precision_recall(figure: go.Figure) -> go.Figure:
    figure.update_xaxes(title="recall: share of purchases found", range=[0, 1], **PERCENT)
    figure.update_yaxes(title="precision: share of hits", range=[0, 1.01], **PERCENT)
    return figure


def plot_product_roc(
    test_curves: pd.DataFrame, test_metrics: pd.DataFrame, winner: dict[str, object]
) -> go.Figure:
    """ROC curve within product, averaged over products by purchases."""
    figure = new_figure("ROC curve within product", 560)
    _add_ranking(figure, test_curves, test_metrics, winner, "product_roc", "product_roc_auc")
    return _as_roc(figure)


def plot_roc(
    test_curves: pd.DataFrame, test_metrics: pd.DataFrame, winner: dict[str, object]
) -> go.Figure:
    """ROC curve over all rows together."""
    figure = new_figure("ROC curve, all rows pooled", 560)
    _add_ranking(figure, test_curves, test_metrics, winner, "roc", "roc_auc")
    return _as_roc(figure)


def _as_roc(figure: go.Figure) -> go.Figure:
    figure.add_trace(reference_line([0, 1], [0, 1], "by chance: 0.500"))
    figure.update_xaxes(title="false positive rate", range=[0, 1], **PERCENT)
    figure.update_yaxes(title="true positive rate", range=[0, 1.01], **PERCENT)
    return figure


def plot_calibration(
    test_curves: pd.DataFrame, test_metrics: pd.DataFrame, winner: dict[str, object]
) -> go.Figure:
    """Observed against predicted purchase rate; each point holds as many expected purchases."""
    figure = new_figure("Predicted and observed purchase rate", 600)
    points = test_curves[(test_curves["curve"] == "calibration") & (test_curves["y"] > 0)]
    metric = "expected_calibration_error"
    values = _values(test_metrics, metric)
    texts = {entry: number(value, 4) for entry, value in values.items()}
    order = [entry for entry in reversed(_by_value(values)) if (points["entry"] == entry).any()]
    _add_lines(figure, points, order, texts, winner)
    for trace, entry in zip(figure.data, order, strict=True):
        part = points[points["entry"] == entry]
        trace.update(mode="lines+markers", error_y=error_bars(part["y"], part["low"], part["high"]))
        trace.error_y.thickness = 1
    ends = [float(points["x"].min()) / 1.5, 1.0]
    figure.add_trace(reference_line(ends, ends, "perfect"))
    ticks = {"type": "log", "tickvals": RATES, "ticktext": [f"{100 * v:g} %" for v in RATES]}
    around = [np.log10(ends[0]), np.log10(1.15)]  # leaves room for the last label
    figure.update_xaxes(title="predicted probability (log scale)", range=around, **ticks)
    figure.update_yaxes(title="observed share bought (log scale)", **ticks)
    return legend_below(figure, len(order) + 1, "calibration error")


def plot_expected(
    test_calibration: pd.DataFrame, winner: dict[str, object], report_options: ReportOptions
) -> go.Figure:
    """How many of 100 expected purchases were made, in all and in parts of test.

    Args:
        test_calibration: From `calibration.measure_calibration`.
        winner: With the name of the winner as `candidate`.
        report_options: With the confidence of the intervals.
    """
    table = test_calibration[test_calibration["entry"] == winner["candidate"]]
    types = table["dimension"] == "product_type"
    table = pd.concat([table[types].sort_values("ratio", na_position="first"), table[~types][::-1]])
    names = [
        f"{'all rows' if part == 'all' else part} ({count(purchases)})"
        for part, purchases in zip(table["slice"], table["purchases"], strict=True)
    ]
    off = (table["ratio_low"] > 1) | (table["ratio_high"] < 1)
    figure = new_figure(
        "How many of 100 expected purchases were made", fitting_height(len(names), 24)
    )
    name_rows(figure, names)
    for rows, name, colour, symbol in (
        (~off, f"as expected: the {_sure(report_options)} holds 100", BLUE, "circle"),
        (off, "more or fewer than expected", VERMILION, "diamond"),
    ):
        low, value, high = (100 * table.loc[rows, f"ratio{end}"] for end in ("_low", "", "_high"))
        shown = [label for label, kept in zip(names, rows, strict=True) if kept]
        dots = draw_dots(value, shown, name, colour)
        dots.error_x = error_bars(value, low, high)
        dots.marker.symbol = symbol
        figure.add_trace(dots)
    figure.add_vline(x=100, line={"color": "#444444", "width": 1})
    figure.update_xaxes(title="of 100 expected")
    return legend_below(figure, 2)


def plot_products(test_products: pd.DataFrame, report_options: ReportOptions) -> go.Figure:
    """Purchases against expected purchases of each product, on axes of square roots.

    On them chance scatters all products alike, whether they are bought often or rarely.

    Args:
        test_products: From `calibration.count_products`.
        report_options: With the confidence of the limits of chance.
    """
    figure = new_figure("Expected and made purchases of each product", 600)
    for surprising, name, colour, symbol in (
        (False, "within chance", BLUE, "circle-open"),
        (True, "more or fewer than chance explains", VERMILION, "diamond"),
    ):
        part = test_products[test_products["surprising"] == surprising]
        figure.add_scatter(
            x=rounded(np.sqrt(part["expected"])),
            y=rounded(np.sqrt(part["purchases"])),
            text=[
                f"product {row['product']}: {number(row['expected'], 1)} expected, "
                f"{count(row['purchases'])} made"
                for row in part.to_dict("records")
            ],
            hovertemplate="%{text}<extra></extra>",
            mode="markers",
            name=f"{name}: {plural(len(part), 'product')}",
            marker={"color": colour, "symbol": symbol, "size": 7},
        )
    most = float(test_products[["expected", "purchases"]].to_numpy().max())
    x = np.linspace(0, np.sqrt(most), 101).round(3)
    figure.add_trace(reference_line([0, x[-1]], [0, x[-1]], "as expected"))
    for which, made in enumerate(limits_of_chance(x**2, report_options)):
        line = reference_line(x.tolist(), np.sqrt(made).round(3).tolist(), "limits of chance")
        figure.add_trace(line.update(line_dash="dot", showlegend=which == 0))
    ticks = [n for n in COUNTS if n <= most]
    axis = {"tickvals": [float(np.sqrt(n)) for n in ticks], "ticktext": [count(n) for n in ticks]}
    figure.update_xaxes(title="purchases expected", **axis)
    figure.update_yaxes(title="purchases made", **axis)
    return legend_below(figure, 4)


def plot_thresholds(
    test_threshold_sweep: pd.DataFrame, test_decisions: pd.DataFrame, winner: dict[str, object]
) -> go.Figure:
    """Precision, recall and F1 of the winner over all thresholds.

    Args:
        test_threshold_sweep: From `thresholds.sweep_thresholds`.
        test_decisions: From `thresholds.decide_test`.
        winner: With the name of the winner as `candidate`.
    """
    figure = new_figure("Precision, recall and F1 at every threshold", 480)
    lines = (("precision", BLUE, "solid"), ("recall", VERMILION, "dash"), ("f1", "#000000", "dot"))
    for metric, colour, dash in lines:
        figure.add_scatter(
            x=rounded(test_threshold_sweep["threshold"]),
            y=rounded(test_threshold_sweep[metric]),
            name=metric_label(metric),
            mode="lines",
            line={"color": colour, "dash": dash, "width": 2.5},
        )
    threshold = _of_winner(test_decisions, winner)["threshold"]
    mark_value(figure, threshold, f"threshold {number(threshold)}", "bottom")
    figure.update_xaxes(title="threshold on the probability", range=[0, 1])
    figure.update_yaxes(title="share", range=[0, 1.01], **PERCENT)
    return legend_below(figure, 3)


def plot_confusion(test_decisions: pd.DataFrame, winner: dict[str, object]) -> go.Figure:
    """Confusion matrix of the winner at its threshold, rows counted on test."""
    row = _of_winner(test_decisions, winner)
    cells = np.array(
        [
            [row["true_positives"], row["false_negatives"]],
            [row["false_positives"], row["true_negatives"]],
        ],
        dtype=np.float64,
    )
    share = cells / cells.sum(axis=1, keepdims=True).clip(1)
    text = [
        [f"<b>{count(n)}</b><br>{percent(s, 1)} of row" for n, s in zip(ns, ss, strict=True)]
        for ns, ss in zip(cells, share, strict=True)
    ]
    figure = new_figure(f"Confusion matrix at threshold {number(row['threshold'])}", 360)
    figure.add_heatmap(
        z=share.tolist(),
        x=["said: buys", "said: does not"],
        y=["bought", "did not buy"],
        text=text,
        texttemplate="%{text}",
        hoverinfo="skip",
        colorscale=[[0, "#F2F7FB"], [1, "#8FC1E3"]],
        zmin=0,
        zmax=1,
        showscale=False,
    )
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(side="top", showgrid=False)
    return figure


def plot_regularisation(regularisation_paths: pd.DataFrame) -> go.Figure:
    """Headline metric against each swept parameter, one panel each; one per row fits a phone.

    Args:
        regularisation_paths: From `paths.paths`.
    """
    groups = list(regularisation_paths.groupby(["candidate", "parameter"], sort=False))
    rows = len(groups) or 1
    figure = make_subplots(
        rows=rows,
        subplot_titles=[f"{entry_label(str(c))}: {p}" for (c, p), _ in groups],
        vertical_spacing=min(0.2, 0.32 / rows),
    )
    for row, ((candidate, _), part) in enumerate(groups, 1):
        figure.add_traces(_path_traces(part, _colour(str(candidate))), row, 1)
        figure.update_xaxes(**_parameter_axis(part), row=row)
        figure.update_yaxes(range=_padded(regularisation_paths, candidate), row=row)
    figure.update_layout(base_layout("Regularisation paths", 90 + 220 * rows), showlegend=False)
    figure.update_yaxes(title=metric_label(HEADLINE), title_font_size=12)
    figure.update_annotations(font_size=13)
    return figure


def _path_traces(part: pd.DataFrame, colour: str) -> list[go.Scatter]:
    best = part[part["on_path"]].sort_values("value")
    rest = part[~part["on_path"]]
    line = go.Scatter(
        x=_settings(best),
        y=rounded(best["mean"]),
        error_y=error_bars(best["mean"], best["low"], best["high"]),
        mode="lines+markers",
        line={"color": colour},
        marker={"size": 8},
        hovertemplate="%{x}: %{y:.3f}<extra>best trial; bar: folds</extra>",
    )
    dots = go.Scatter(
        x=_settings(rest),
        y=rounded(rest["mean"]),
        mode="markers",
        marker={"color": colour, "size": 6, "opacity": 0.35},
        hovertemplate="%{x}: %{y:.3f}<extra>other trial</extra>",
    )
    return [line, dots]


def plot_importance(feature_importance: pd.DataFrame) -> go.Figure:
    """Drop in product average precision when a feature is shuffled, the largest drops.

    Args:
        feature_importance: From `importance.permute_features`.
    """
    table = feature_importance.head(MOST_DRAWN).iloc[::-1]
    figure = new_figure("What is lost when a feature is shuffled", fitting_height(len(table), 24))
    name_rows(figure, table["feature"].tolist())
    for metric, colour, symbol in (
        ("average_precision", VERMILION, "circle-open"),
        (HEADLINE, BLUE, "circle"),
    ):
        dots = draw_dots(table[metric], table["feature"].tolist(), metric_label(metric), colour)
        dots.error_x = {"array": rounded(table[f"{metric}_deviation"]), "thickness": 1}
        dots.marker.symbol = symbol
        figure.add_trace(dots)
    figure.add_vline(x=0, line={"color": "#444444", "width": 1})
    figure.update_xaxes(title="drop in AP")
    return legend_below(figure, 2)


def plot_product_types(test_slices: pd.DataFrame, report_options: ReportOptions) -> go.Figure:
    """Headline metric by product type beside no skill.

    Args:
        test_slices: From `slices.measure_slices`.
        report_options: With the confidence of the intervals.
    """
    return _sliced(test_slices, "product_type", "Quality by product type", _sure(report_options))


def plot_users(test_slices: pd.DataFrame, report_options: ReportOptions) -> go.Figure:
    """Headline metric for users at their second order and for those known longer."""
    title = "Quality for new and known users"
    return _sliced(test_slices, "user", title, _sure(report_options))


def _sliced(slices: pd.DataFrame, dimension: str, title: str, sure: str) -> go.Figure:
    kept = slices[(slices["dimension"] == dimension) & slices[HEADLINE].notna()]
    kept = kept.sort_values(HEADLINE)
    names = [
        f"{name} ({count(purchases)})"
        for name, purchases in zip(kept["slice"], kept["purchases"], strict=True)
    ]
    figure = new_figure(title, fitting_height(len(names), 26))
    name_rows(figure, names)
    none = draw_dots(kept["no_skill"], names, "no skill", GREY)
    none.update(marker={"symbol": "line-ns-open", "size": 12, "color": GREY})
    model = draw_dots(kept[HEADLINE], names, f"winner: {sure}", BLUE)
    model.error_x = headline_bars(kept)
    figure.add_traces([none, model])
    figure.update_xaxes(title=metric_label(HEADLINE), rangemode="tozero")
    return legend_below(figure, 2)


def plot_weeks(test_slices: pd.DataFrame, report_options: ReportOptions) -> go.Figure:
    """Headline metric in each week of the test window."""
    kept = test_slices[(test_slices["dimension"] == "week") & test_slices[HEADLINE].notna()]
    figure = new_figure("Quality by week", 400)
    names = [f"{w}<br>{count(n)}" for w, n in zip(kept["slice"], kept["purchases"], strict=True)]
    figure.add_scatter(
        x=names,
        y=rounded(kept[HEADLINE]),
        error_y=headline_bars(kept),
        mode="lines+markers",
        name=f"winner: {_sure(report_options)}",
        line={"color": BLUE},
        marker={"size": 9},
    )
    figure.add_scatter(
        x=names,
        y=rounded(kept["no_skill"]),
        mode="lines+markers",
        name="no skill",
        line={"color": GREY, "dash": "dot"},
    )
    figure.update_xaxes(title="week from Monday, purchases below", type="category")
    figure.update_yaxes(title=metric_label(HEADLINE), rangemode="tozero")
    return legend_below(figure, 2, axis=76)


def plot_lags(test_lags: pd.DataFrame) -> go.Figure:
    """Headline metric against how long before the order features were taken.

    Args:
        test_lags: From `lags.select_lags`; may have no rows.
    """
    table = test_lags.sort_values("lag_hours")
    figure = new_figure("What quality survives when features are taken earlier", 440)
    for entry, part in table.groupby("entry", sort=False):
        figure.add_scatter(
            x=[f"{hours:g} h" for hours in part["lag_hours"]],
            y=rounded(part[HEADLINE]),
            error_y=headline_bars(part),
            mode="lines+markers",
            name=entry_label(str(entry)),
            line={"color": _colour(str(entry)), "dash": _dash(str(entry))},
            marker={"size": 9},
        )
    figure.update_xaxes(title="time from features to order", type="category")
    figure.update_yaxes(title=metric_label(HEADLINE), rangemode="tozero")
    return legend_below(figure, max(table["entry"].nunique(), 1))


def _add_ranking(
    figure: go.Figure,
    curves: pd.DataFrame,
    metrics: pd.DataFrame,
    winner: dict[str, object],
    curve: str,
    metric: str,
) -> None:
    """One line per entry with the metric that sums it up."""
    points = curves[curves["curve"] == curve]
    values = _values(metrics, metric)
    texts = {entry: number(value) for entry, value in values.items()}
    _add_lines(figure, points, _by_value(values), texts, winner)
    legend_below(figure, len(values) + 1, metric_label(metric))


def _add_lines(
    figure: go.Figure,
    points: pd.DataFrame,
    order: Sequence[str],
    texts: dict[str, str],
    winner: dict[str, object],
) -> None:
    """One line per entry, in the legend by value with the value beside the name."""
    for entry in order:
        part = points[points["entry"] == entry]
        figure.add_scatter(
            x=rounded(part["x"]),
            y=rounded(part["y"]),
            name=f"{entry_label(entry)}: {texts[entry]}",
            mode="lines",
            line={
                "color": _colour(entry),
                "width": 3.5 if entry == winner["candidate"] else 2,
                "dash": _dash(entry),
            },
        )


def _sure(options: ReportOptions) -> str:
    return f"{percent(options.confidence)} interval"


def _colour(entry: str) -> str:
    return COLOURS.get(entry, SPARE_COLOURS[sum(entry.encode()) % len(SPARE_COLOURS)])


def _by_value(values: dict[str, float]) -> list[str]:
    """Entries by falling value, undefined ones last."""
    return sorted(values, key=lambda e: (-values[e] if np.isfinite(values[e]) else np.inf, e))


def _on_all_rows(metrics: pd.DataFrame, metric: str) -> pd.DataFrame:
    kept = metrics[(metrics["segment"] == "all") & (metrics["metric"] == metric)]
    return kept.set_index("entry")


def _values(metrics: pd.DataFrame, metric: str) -> dict[str, float]:
    found = _on_all_rows(metrics, metric)["value"]
    return {str(entry): float(value) for entry, value in found.items()}


def _of_winner(decisions: pd.DataFrame, winner: dict[str, object]) -> dict[str, float]:
    kept = decisions[decisions["entry"] == winner["candidate"]].drop(columns="entry")
    return {str(name): float(value) for name, value in kept.iloc[0].items()}


def _parameter_axis(part: pd.DataFrame) -> dict[str, object]:
    """Logarithmic where positive numbers span a factor of 10 or more; a tick at each of a few."""
    values = part["value"]
    if values.isna().any():
        return {"type": "category"}
    steep = values.min() > 0 and values.max() / values.min() >= 10
    axis: dict[str, object] = {"type": "log" if steep else "linear"}
    tried = sorted(values.unique())
    if len(tried) <= 8:
        axis |= {"tickvals": tried, "ticktext": [f"{value:g}" for value in tried]}
    return axis


def _padded(paths: pd.DataFrame, candidate: object) -> list[float]:
    """One range for all panels of a candidate, so that what matters more looks steeper."""
    part = paths[paths["candidate"] == candidate]
    low, high = float(part["low"].min()), float(part["high"].max())
    pad = 0.08 * (high - low)
    return [low - pad, high + pad]


def _settings(part: pd.DataFrame) -> list[float] | list[str]:
    """What a path is drawn over: numbers, or text where a setting is not a number."""
    chosen = part["setting"] if part["value"].isna().any() else part["value"]
    return list(chosen)


def _is_baseline(entry: str) -> bool:
    return entry in FAMILIES and FAMILIES[entry].kind == "baseline"


def _dash(entry: str) -> str:
    return "dot" if _is_baseline(entry) else "solid"
