"""The report's tables: numbers as text, ready for a page."""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from push_propensity.evaluation.current import TOP_SHARE
from push_propensity.evaluation.metrics import HEADLINE, METRICS, SEGMENTS
from push_propensity.evaluation.uncertainty import GAIN
from push_propensity.models.calibration import METHODS
from push_propensity.reports.findings import Evidence
from push_propensity.reports.wording import (
    MISSING,
    SEGMENT_LABELS,
    count,
    defined,
    entry_label,
    hours_before,
    hundred_span,
    metric_label,
    metric_number,
    number,
    of_hundred,
    percent,
    percent_span,
    plural,
    sentence_start,
)

CALIBRATED = (
    "purchases expected",
    "purchases made",
    "made of 100 expected",
    "slope",
    "intercept",
)
MOST_PRODUCTS = 10


@dataclass(frozen=True)
class TableView:
    """A table as text: the first column names the row; a cell may hold several lines."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    emphasised: frozenset[int] = frozenset()
    folded: bool = False


def split_table(splits: Mapping[str, Mapping[str, Any]]) -> TableView:
    """The split as text.

    Args:
        splits: From `splits.summarise_split`: each part's days and numbers.
    """
    sizes = ("orders", "users", "products", "rows", "purchases")
    rows = tuple(
        (
            part,
            f"{row['first_day']} to {row['last_day']}",
            *(count(row[name]) for name in sizes),
            percent(row["purchase_share"], 2),
        )
        for part, row in splits.items()
    )
    columns = ("part", "days", *sizes, "rows bought")
    return TableView("Parts of the split, by day, whole orders together", columns, rows)


def leaderboard_table(leaderboard: pd.DataFrame) -> TableView:
    """The leaderboard as text: means over folds ± standard error."""
    rows, best = [], set()
    for position, row in enumerate(leaderboard.to_dict("records")):
        cells = (
            f"{metric_number(m, row[m])}\n± {metric_number(m, row[f'{m}_standard_error'])}"
            for m in METRICS
        )
        name = entry_label(str(row["candidate"]))
        rows.append((name, *cells, _trials(row), _settings(row["parameters"])))
        if row["is_winner"]:
            best.add(position)
    columns = ("entry", *(metric_label(m) for m in METRICS), "trials", "parameters")
    caption = "Leaderboard: mean over the folds ± standard error, one trial of each; winner in bold"
    return TableView(caption, columns, tuple(rows), frozenset(best))


def _trials(row: Mapping[Any, Any]) -> str:
    """How many settings were tried, and how many of them not to the end."""
    given_up = int(row["given_up"])
    return count(row["trials"]) + (f"\n{count(given_up)} given up early" if given_up else "")


def _settings(text: object) -> str:
    """Parameters as `name value` pairs."""
    if not isinstance(text, str) or not text:
        return MISSING
    pairs = json.loads(text).items()
    texts = [f"{n} {v:g}" if isinstance(v, float) else f"{n} {v}" for n, v in pairs]
    return "\n".join(texts) or MISSING


def metrics_table(evidence: Evidence) -> TableView:
    """Metrics of every entry on test with their intervals, as text."""
    shown = {_metric_name(evidence, metric): (metric, "all") for metric in (*METRICS, GAIN)}
    sure = percent(evidence.options.confidence)
    caption = f"Test window: value, {sure} interval below (bootstrap by user)"
    return _entries_table(evidence, caption, shown)


def segments_table(evidence: Evidence) -> TableView:
    """The headline metric on all, repeat and explore rows, as text."""
    shown = {_segment_name(evidence, segment): (HEADLINE, segment) for segment in SEGMENTS}
    caption = f"{sentence_start(metric_label(HEADLINE))} on test by what the user bought before"
    return _entries_table(evidence, caption, shown)


def _segment_name(evidence: Evidence, segment: str) -> str:
    purchases = evidence.metric(evidence.name, HEADLINE, segment)["purchases"]
    return f"{SEGMENT_LABELS[segment]}: {plural(int(purchases), 'purchase')}"


def _entries_table(
    evidence: Evidence, caption: str, shown: Mapping[str, tuple[str, str]]
) -> TableView:
    """One row per entry, in each column a metric on a segment."""
    rows = tuple(
        (entry_label(entry), *(_with_interval(evidence, entry, *cell) for cell in shown.values()))
        for entry in evidence.entries
    )
    best = frozenset({evidence.entries.index(evidence.name)})
    return TableView(caption, ("entry", *shown), rows, best)


def _with_interval(evidence: Evidence, entry: str, metric: str, segment: str) -> str:
    row = evidence.metric(entry, metric, segment)
    if metric == GAIN:
        return f"{percent(row['value'])}\n{percent_span(row['low'], row['high'])}"
    value = metric_number(metric, row["value"])
    if pd.isna(row["low"]):
        return value
    return f"{value}\n{metric_number(metric, row['low'])} to {metric_number(metric, row['high'])}"


def comparisons_table(evidence: Evidence) -> TableView:
    """Paired differences to the winner, as text."""
    verdicts = {"better": "winner is better", "worse": "winner is worse", "noise": "within noise"}
    table = evidence.comparisons
    rows = tuple(
        (
            entry_label(str(row["entry"])),
            SEGMENT_LABELS[str(row["segment"])],
            _metric_name(evidence, str(row["metric"])),
            metric_number(str(row["metric"]), row["difference"]),
            _ends(row["low"], row["high"], partial(metric_number, str(row["metric"]))),
            "not measured" if pd.isna(row["low"]) else verdicts[str(row["verdict"])],
        )
        for row in table.to_dict("records")
    )
    columns = ("against", "rows", "metric", "winner minus entry", "interval", "verdict")
    return TableView(f"{evidence.label} minus each other entry, same resamples", columns, rows)


def _ends(low: float, high: float, write: Callable[[float], str] = number) -> str:
    """Write `low to high`, or one dash where there is no interval."""
    if pd.isna(low) or pd.isna(high):
        return MISSING
    return f"{write(low)} to {write(high)}"


def _metric_name(evidence: Evidence, metric: str) -> str:
    if metric == GAIN:
        return f"buyers reached at {percent(evidence.options.notified_share)}"
    return metric_label(metric)


def calibration_table(evidence: Evidence) -> TableView:
    """Expected and observed purchases of every entry on test, slope and intercept, as text."""
    method = evidence.fits.set_index("entry")["method"]
    rows = tuple(
        (entry_label(entry), method[entry], *_calibrated(evidence.calibrated(entry)))
        for entry in evidence.entries
    )
    best = frozenset({evidence.entries.index(evidence.name)})
    sure = percent(evidence.options.confidence)
    caption = f"Calibration on test: value, {sure} interval below (bootstrap by user)"
    return TableView(caption, ("entry", "calibrated by", *CALIBRATED), rows, best)


def calibration_methods_table(evidence: Evidence) -> TableView:
    """What each way of calibrating reached in the calibration window, as text."""
    table = evidence.fits.set_index("entry").loc[evidence.entries]
    rows = tuple(
        (
            entry_label(str(entry)),
            *(metric_number("log_loss", row[method]) for method in METHODS),
            row["method"],
        )
        for entry, row in table.to_dict("index").items()
    )
    caption = "Log loss in the calibration window, on users to whom it was not fitted"
    return TableView(caption, ("entry", *METHODS, "taken"), rows)


def calibration_parts_table(evidence: Evidence) -> TableView:
    """The winner's calibration on repeat and explore rows and by product type, as text."""
    rows = tuple(
        (SEGMENT_LABELS.get(row["slice"], row["slice"]), *_calibrated(row))
        for row in evidence.parts.to_dict("records")
    )
    caption = f"Calibration of {evidence.label} in parts of test"
    return TableView(caption, ("part", *CALIBRATED), rows)


def _calibrated(row: Mapping[Any, Any]) -> tuple[str, ...]:
    """The cells of `CALIBRATED`."""
    ratio = f"{of_hundred(row['ratio'])}\n{hundred_span(row['ratio_low'], row['ratio_high'])}"
    fitted = (
        f"{number(row[name])}\n{_ends(row[f'{name}_low'], row[f'{name}_high'])}"
        if defined(row[name])
        else MISSING
        for name in ("slope", "intercept")
    )
    return count(row["expected"]), count(row["purchases"]), ratio, *fitted


def products_table(evidence: Evidence) -> TableView:
    """The products whose purchases are furthest from what was expected, as text."""
    rows = tuple(
        (
            str(row["product"]),
            str(row["product_type"]),
            count(row["rows"]),
            number(row["expected"], 1),
            count(row["purchases"]),
            number(row["deviate"], 1),
        )
        for row in evidence.products.head(MOST_PRODUCTS).to_dict("records")
    )
    columns = ("product", "product type", "rows", *CALIBRATED[:2], "standard deviations off")
    return TableView("Products furthest from what was expected", columns, rows)


def decisions_table(evidence: Evidence) -> TableView:
    """Decisions at each entry's threshold, as text."""
    cells = ("true_positives", "false_positives", "false_negatives", "true_negatives")
    rates = ("precision", "recall", "f1")
    decided = evidence.decisions.set_index("entry").loc[evidence.entries]
    rows = tuple(
        (
            entry_label(str(entry)),
            number(row["threshold"]),
            *(f"{number(row[r])}\n{_ends(row[f'{r}_low'], row[f'{r}_high'])}" for r in rates),
            *(count(row[cell]) for cell in cells),
        )
        for entry, row in decided.to_dict("index").items()
    )
    names = [cell.replace("_", " ") for cell in cells]
    columns = ("entry", "threshold", *(metric_label(r) for r in rates), *names)
    best = frozenset({evidence.entries.index(evidence.name)})
    return TableView("Decisions on test at each entry's threshold", columns, rows, best)


def slices_table(evidence: Evidence, dimension: str, caption: str) -> TableView:
    """The winner's quality in the slices of a dimension, as text."""
    kept = evidence.slices[evidence.slices["dimension"] == dimension]
    if dimension == "product_type":
        kept = kept.sort_values("purchases", ascending=False, kind="stable")
    rows = tuple(
        (
            str(row["slice"]),
            count(row["purchases"]),
            count(row["products"]),
            percent(row["purchases_covered"]),
            number(row[HEADLINE]),
            _ends(row[f"{HEADLINE}_low"], row[f"{HEADLINE}_high"]),
            number(row["no_skill"]),
            number(row[HEADLINE] - row["no_skill"]),
            number(row["product_roc_auc"]),
            number(row["average_precision"]),
        )
        for row in kept.to_dict("records")
    )
    columns = (
        dimension.replace("_", " "),
        "purchases",
        "products counted",
        "purchases covered",
        metric_label(HEADLINE),
        "interval",
        "no skill",
        "above no skill",
        metric_label("product_roc_auc"),
        metric_label("average_precision"),
    )
    return TableView(caption, columns, rows)


def importance_table(importance: pd.DataFrame) -> TableView:
    """Permutation importance as text."""
    metrics = (HEADLINE, "average_precision")
    rows = tuple(
        (
            str(row["feature"]),
            *(f"{number(row[m], 4)} ± {number(row[f'{m}_deviation'], 4)}" for m in metrics),
        )
        for row in importance.to_dict("records")
    )
    columns = ("feature", *(f"drop in {metric_label(m)}" for m in metrics))
    return TableView("Permutation importance: mean drop ± standard deviation", columns, rows)


def quality_table(checks: Sequence[Mapping[str, Any]], caption: str) -> TableView:
    """Data-quality checks as text, the worst verdicts first."""
    worst = {"fail": 0, "warn": 1}
    rows = tuple(
        (
            str(check["subject"]),
            str(check["dimension"]),
            str(check["rule"]),
            f"{count(check['checked'])} {check['unit']}",
            count(check["failing"]),
            percent(check["share"], 2),
            str(check["verdict"]),
        )
        for check in sorted(checks, key=lambda check: worst.get(check["verdict"], 2))
    )
    columns = ("subject", "dimension", "rule", "checked", "failing", "share", "verdict")
    return TableView(caption, columns, rows)


def quality_sentence(checks: Sequence[Mapping[str, Any]]) -> str:
    """How many checks were made and how they ended."""
    verdicts = Counter(check["verdict"] for check in checks)
    return (
        f"{plural(len(checks), 'check')} of the whole feature frame: {verdicts['pass']} passed, "
        f"{verdicts['warn']} warn and {verdicts['fail']} failed."
    )


def lags_table(evidence: Evidence) -> TableView:
    """Quality with features taken at the time of the order and earlier, as text."""
    shares = ("", "_low", "_high")
    rows = []
    for row in evidence.lags.to_dict("records"):
        value, low, high = (number(row[f"{HEADLINE}{end}"]) for end in shares)
        kept = f"{percent(row['kept'])}\n{percent_span(row['kept_low'], row['kept_high'])}"
        rows.append(
            (
                sentence_start(hours_before(row["lag_hours"])),
                entry_label(row["entry"]),
                f"{value}\n{low} to {high}",
                MISSING if row["as_tested"] else kept,
                number(row[f"{HEADLINE}_repeat"]),
                number(row[f"{HEADLINE}_explore"]),
                number(row["average_precision"]),
                count(row["rows"]),
                count(row["purchases"]),
            )
        )
    headline = metric_label(HEADLINE)
    columns = ("features as of", "entry", headline, "kept", *SEGMENTS[1:], "pooled AP")
    sure = percent(evidence.options.confidence)
    caption = f"The same orders, features taken earlier: value, {sure} interval below"
    return TableView(caption, (*columns, "rows", "purchases"), tuple(rows))


def who_left_table(evidence: Evidence) -> TableView:
    """How candidates score and rank who bought longer ago than training saw, as text."""
    table = evidence.who_left
    rows = tuple(
        (
            entry_label(str(row["entry"])),
            percent(row["left"], 1),
            percent(row["left_of_top"], 1),
            number(row["mean_of_left"]),
            number(row["mean"]),
        )
        for row in table.to_dict("records")
    )
    columns = (
        "candidate",
        "share of pairs",
        f"share of the likeliest {percent(TOP_SHARE)}",
        "mean probability",
        "of all pairs",
    )
    return TableView("Pairs last bought longer ago than anybody in training", columns, rows)


def outside_table(evidence: Evidence) -> TableView:
    """Which inputs lie outside of what the winner learned from, as text."""
    rows = tuple(
        (str(row["feature"]), f"{row['low']:g}", f"{row['high']:g}", percent(row["outside"], 1))
        for row in evidence.outside.to_dict("records")
    )
    columns = ("feature", "counts at least", "at most", "pairs outside")
    return TableView(f"Inputs of {evidence.label} that are bounded today", columns, rows)
