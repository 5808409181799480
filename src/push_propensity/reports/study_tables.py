"""The feature study's tables as Markdown, ready to be quoted in a document."""

from typing import Any

import pandas as pd

from push_propensity.evaluation.metrics import HEADLINE
from push_propensity.reports.tables import TableView
from push_propensity.reports.wording import (
    MISSING,
    count,
    defined,
    entry_label,
    metric_label,
    metric_number,
    number,
    percent,
    plural,
    span,
)
from push_propensity.selection.variants.options import StudyOptions

HEADLINES = (HEADLINE, f"{HEADLINE}_repeat", f"{HEADLINE}_explore")
POOLED = ("average_precision", "log_loss")
MEASURED = (metric_label(HEADLINE), "repeat", "explore", *map(metric_label, POOLED))
CHOICES = {"frame": "features that every frame has", "extended": "extended features too"}


def as_markdown(view: TableView) -> str:
    """A table with its caption as Markdown, lines of a cell joined by commas."""
    cells = [view.columns, ("---",) * len(view.columns), *view.rows]
    lines = [f"| {' | '.join(row)} |".replace("\n", ", ") for row in cells]
    return "\n".join([f"**{view.caption}**", "", *lines, ""])


def write_feature_study(
    feature_ablation: pd.DataFrame,
    encoding_trials: pd.DataFrame,
    feature_comparison: pd.DataFrame,
    feature_study: StudyOptions,
) -> str:
    """Write the tables of the feature study as one page of Markdown.

    Args:
        feature_ablation: From `variants.trials.measure_variants`, on groups of features.
        encoding_trials: Likewise, on encodings and selections.
        feature_comparison: From `variants.comparison.compare_models`.
        feature_study: What they were measured with.
    """
    folds = feature_study.folds
    where = "the latest fold" if folds == 1 else f"the {folds} latest folds"
    views = (
        variants_table(feature_ablation, f"XGBoost by groups of features, on {where}"),
        variants_table(encoding_trials, f"Encodings and selections, on {where}"),
        comparison_table(feature_comparison),
    )
    return "\n".join(map(as_markdown, views))


def variants_table(variants: pd.DataFrame, caption: str) -> TableView:
    """Variants with the difference to their reference, as text."""
    rows = tuple(
        (
            row["variant"],
            count(row["features"]),
            count(row["columns"]),
            count(row["rounds"]) if defined(row["rounds"]) else MISSING,
            *_measured(row),
            _difference(row),
            MISSING if row["variant"] == row["reference"] else row["reference"],
        )
        for row in variants.to_dict("records")
    )
    columns = ("variant", "features", "columns", "rounds", *MEASURED, "difference", "compared with")
    return TableView(f"{caption}; difference in product AP, interval below", columns, rows)


def comparison_table(comparison: pd.DataFrame) -> TableView:
    """Both choices of features and the baseline on test, as text."""
    rows = tuple(
        (
            compared_label(row),
            count(row["features"]) if row["choice"] in CHOICES else MISSING,
            *_measured(row),
            span(row[f"{HEADLINE}_low"], row[f"{HEADLINE}_high"]),
            *(_gain(row, other) for other in ("frame", "baseline")),
        )
        for row in comparison.to_dict("records")
    )
    columns = (
        "entry",
        "features",
        *MEASURED,
        "interval of product AP",
        "gain over the frame's features",
        "gain over the baseline",
    )
    size = comparison.iloc[0]
    caption = f"On test ({count(size['rows'])} rows, {plural(size['purchases'], 'purchase')})"
    return TableView(caption, columns, rows)


def _measured(row: dict[Any, Any]) -> tuple[str, ...]:
    values = [number(row[name]) for name in HEADLINES]
    return (*values, *(metric_number(name, row[name]) for name in POOLED))


def _difference(row: dict[Any, Any]) -> str:
    if row["variant"] == row["reference"]:
        return MISSING
    return f"{number(row['difference'])}\n{span(row['low'], row['high'])}"


def compared_label(row: dict[Any, Any]) -> str:
    """Name a row of the comparison for readers: its entry and which features it was given."""
    name = entry_label(row["entry"])
    return f"{name}: {CHOICES[row['choice']]}" if row["choice"] in CHOICES else name


def _gain(row: dict[Any, Any], other: str) -> str:
    if row["choice"] == other:
        return MISSING
    value, low, high = (row[f"gain_over_{other}{end}"] for end in ("", "_low", "_high"))
    return f"{percent(value, 1)}\n{percent(low, 1)} to {percent(high, 1)}"
