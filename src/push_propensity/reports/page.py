"""The decision report: one HTML file that opens without a network, and the model card."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import plotly.graph_objects as go
import plotly.io
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs
from pydantic import BaseModel, ConfigDict, Field

from push_propensity.metrics import HEADLINE
from push_propensity.reports import tables
from push_propensity.reports.figures import MOST_DRAWN
from push_propensity.reports.findings import (
    SWEPT,
    Evidence,
    derive,
    lag_findings,
    metric_sentence,
    summarise,
)
from push_propensity.reports.tables import TableView
from push_propensity.reports.uncertainty import GAIN
from push_propensity.reports.wording import count, defined, number, percent, plural


class ReportOptions(BaseModel):
    """What the report measures and how finely.

    Attributes:
        notified_share: Share of a product's users that the summary speaks of.
        threshold: From which probability a row counts as a predicted purchase; left out, each
            entry takes the one with the best F1 on the calibration window.
        resamples: Resamples of users behind each interval.
        confidence: Of the intervals.
        seed: Of the resamples and shuffles.
        curve_points: Points of each ranking curve.
        calibration_bins: Most points of a calibration curve.
        importance_window: On which rows features are shuffled.
        importance_orders: Most orders of that window to use.
        importance_repeats: Shuffles of each feature.
        minimum_slice_purchases: Product types bought less often are not drawn.
        data_source: Which data these are, in words for readers; left empty, nothing is said.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    notified_share: float = Field(default=0.1, gt=0, lt=1)
    threshold: float | None = Field(default=None, ge=0, le=1)
    resamples: int = Field(default=300, ge=10)
    confidence: float = Field(default=0.95, gt=0, lt=1)
    seed: int = Field(default=0, ge=0)
    curve_points: int = Field(default=201, ge=2, le=500)
    calibration_bins: int = Field(default=10, ge=2)
    importance_window: Literal["calibration", "test"] = "test"
    importance_orders: int = Field(default=150, ge=1)
    importance_repeats: int = Field(default=3, ge=1)
    minimum_slice_purchases: int = Field(default=30, ge=1)
    data_source: str = ""


@dataclass(frozen=True)
class Chart:
    """A figure in the report and how to read it.

    Attributes:
        name: Of the figure.
        reading: What to look for, in a sentence or two.
        wide: Whether it takes the full width of the page.
        scrolled_below: Width in pixels below which the figure is scrolled rather than squeezed.
    """

    name: str
    reading: str
    wide: bool = False
    scrolled_below: int = 0


@dataclass(frozen=True)
class Section:
    """A heading with paragraphs, charts and tables."""

    identifier: str
    title: str
    text: tuple[str, ...]
    charts: tuple[Chart, ...] = ()
    tables: tuple[TableView, ...] = ()


@dataclass(frozen=True)
class Setting:
    """What the report says about the run besides its results.

    Attributes:
        splits: From `splits.summarise_split`.
        checks: The checks of `quality.assess_quality`.
        importance_window: On which rows features were shuffled.
        threshold_given: Whether the threshold was configured.
        minimum_items: Purchases that an order must hold to count.
        basket: Which purchases those are, as in `splits.SplitOptions`.
        data_source: Which data these are, in words for readers; may be empty.
    """

    splits: Mapping[str, Mapping[str, Any]]
    checks: Sequence[Mapping[str, Any]]
    importance_window: str
    threshold_given: bool
    minimum_items: int
    basket: str = "listed"
    data_source: str = ""


RULES = {
    "best": "the one with the highest mean",
    "one_standard_error": "the simplest one within one standard error of the highest mean",
}
ITEMS = {"listed": "", "all": ", products that are not in the frame included"}
BASELINES = {
    "own_frequency": (
        "the own-frequency rule ranks users by the share of their orders that held the product, "
        "then by its popularity"
    ),
    "ordered_before_popularity": (
        "the ordered-before rule ranks users who bought the product before first, then by its "
        "popularity"
    ),
    "constant": "the constant knows nothing",
}
VERDICT_TITLES = {
    "worked": "What worked",
    "failed": "What did not",
    "noise": "What is within noise",
    "note": "Good to know",
}


def findings_of(evidence: Evidence) -> dict[str, Any]:
    """The summary and every finding as plain data.

    Returns:
        `winner`, `summary` (one paragraph) and `findings` (dicts of topic, verdict, text).
    """
    return {
        "winner": evidence.name,
        "summary": summarise(evidence),
        "findings": derive(evidence),
    }


def render_html(
    evidence: Evidence,
    setting: Setting,
    findings: Mapping[str, Any],
    figures: Mapping[str, go.Figure],
) -> str:
    """Render the report as one HTML page with everything inside.

    The same input gives the same bytes: the page holds no date of its making.

    Args:
        evidence: The tables behind the report.
        setting: Split, data quality and how things were measured.
        findings: From `findings_of`.
        figures: By name, those that `sections` places.
    """
    page = _environment(html=True).get_template("report.html.j2")
    swept = [f for f in findings["findings"] if f["topic"] == SWEPT]
    others = [f for f in findings["findings"] if f["topic"] != SWEPT]
    return page.render(
        title="Whom to notify: the decision report",
        data=_data_sentence(setting),
        summary=findings["summary"],
        cards=_cards(evidence),
        verdicts=_grouped(others),
        swept=_grouped(swept),
        swept_title=f"{SWEPT}: {plural(len(swept), 'finding')}",
        sections=sections(evidence, setting),
        metric_sentence=metric_sentence(evidence),
        titles={name: figure.layout.title.text for name, figure in figures.items()},
        embed=lambda name: _embed(name, figures[name]),
        plotly_js=Markup(get_plotlyjs()),
    )


def render_card(evidence: Evidence, setting: Setting, findings: Mapping[str, Any]) -> str:
    """Render the model card as Markdown (Mitchell et al., Model Cards, 2019).

    Args:
        evidence: The tables behind the card.
        setting: Split, data quality and how things were measured.
        findings: From `findings_of`.
    """
    page = _environment(html=False).get_template("report_model_card.md.j2")
    return page.render(
        label=evidence.label,
        data=_data_sentence(setting),
        summary=findings["summary"],
        winner=dict(evidence.winner),
        features=evidence.features,
        as_json=lambda value: json.dumps(value, sort_keys=True),
        metric_sentence=metric_sentence(evidence),
        verdicts=_grouped(findings["findings"]),
        tables=[
            tables.split_table(setting.splits),
            tables.metrics_table(evidence),
            tables.segments_table(evidence),
            tables.decisions_table(evidence),
        ],
        quality=tables.quality_sentence(setting.checks),
        minimum=plural(setting.minimum_items, "item"),
    )


def _data_sentence(setting: Setting) -> str:
    """Which data the results are of and from when, or nothing where the source is not named."""
    if not setting.data_source:
        return ""
    parts = setting.splits.values()
    first = min(part["first_day"] for part in parts)
    last = max(part["last_day"] for part in parts)
    return f"Data: {setting.data_source}, orders from {first} to {last}."


def _environment(*, html: bool) -> Environment:
    return Environment(
        loader=PackageLoader("push_propensity", "templates"),
        autoescape=html,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _grouped(findings: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Findings under the heading of their verdict, empty headings left out."""
    return [
        {"verdict": verdict, "title": title, "findings": items}
        for verdict, title in VERDICT_TITLES.items()
        if (items := [finding for finding in findings if finding["verdict"] == verdict])
    ]


def _cards(evidence: Evidence) -> list[dict[str, str]]:
    """The few numbers that everyone should see, those that could not be measured left out."""
    reach, share = evidence.metric(evidence.name, GAIN)["value"], evidence.notified_share
    headline = evidence.metric(evidence.name, HEADLINE)
    known = defined(headline["low"]) and defined(headline["high"])
    sure = f" ({evidence.interval(headline['low'], headline['high'])})" if known else ""
    cards = [
        (
            percent(reach),
            f"of a product's buyers reached by notifying {percent(share)} of its users",
        ),
        (
            f"{number(reach / share, 1)}×",
            "as many buyers as the same number of messages sent at random",
        ),
    ]
    shown = cards if defined(reach) else []
    if defined(headline["value"]):
        label = f"product average precision on test{sure}"
        shown.append((number(headline["value"]), label))
    return [{"value": value, "label": label} for value, label in shown]


def _embed(name: str, figure: go.Figure) -> Markup:
    """A figure as a division and its script; the page's own heading replaces the title."""
    # Sorted, so that a figure gives the same bytes from memory and from a file.
    settled = json.dumps(json.loads(figure.to_json()), sort_keys=True)
    html = plotly.io.to_html(
        plotly.io.from_json(settled).update_layout(title=None, margin_t=30),
        include_plotlyjs=False,
        full_html=False,
        div_id=f"figure-{name}",
        config={"displayModeBar": False, "responsive": True},
    )
    return Markup(html)


def sections(evidence: Evidence, setting: Setting) -> list[Section]:
    """The body of the report, in order."""
    return [
        _measured(evidence, setting),
        _leaderboard(evidence),
        _test(evidence),
        _gains(evidence),
        _ranking(),
        _calibration(),
        _decisions(evidence, setting),
        _regularisation(),
        _features(evidence, setting),
        _parts(evidence),
        _lags(evidence),
        _data(setting),
    ]


def _measured(evidence: Evidence, setting: Setting) -> Section:
    text = (
        "The sales team picks a product first, so what counts is how well users are ranked within "
        "a product. Product average precision (product AP) is the average precision over the rows "
        "of one product, averaged over the products with their purchases as weights. Figures over "
        "all rows pooled mostly reward knowing which products are popular; they stand beside it.",
        f"{metric_sentence(evidence)} The average precision of few purchases is higher by luck "
        "alone: compare entries on the same window, not windows of different sizes.",
        "A row is one order and one product listed at its time. Only orders of at least "
        f"{plural(setting.minimum_items, 'item')} count{ITEMS[setting.basket]}. Models were fitted "
        "on train, compared on rolling-origin folds, calibrated on the calibration window and "
        "measured once on test.",
        *_sampled(setting),
    )
    return Section(
        "measured", "How it was measured", text, (), (tables.split_table(setting.splits),)
    )


def _sampled(setting: Setting) -> Iterator[str]:
    """Say so where train is a sample."""
    train = setting.splits["train"]
    if train["candidate_rows"] > train["rows"]:
        yield (
            f"Train is a sample: its {count(train['rows'])} rows stand for about "
            f"{count(train['candidate_rows'])} candidate rows. All purchases are in it; every row "
            "counts by its weight in training and in the folds. The other parts are whole."
        )


def _leaderboard(evidence: Evidence) -> Section:
    chart = Chart(
        "leaderboard_figure",
        "Grey: mean over the folds that the choice was made on. Blue: the test window, never used "
        "for a choice. Bars that overlap widely mean no clear order.",
        wide=True,
        scrolled_below=520,
    )
    rule = str(evidence.winner["rule"])
    text = (
        "The winner is the candidate with the highest mean product AP over the folds, each "
        f"candidate standing with one trial: {RULES.get(rule, rule)}. Baselines are in the table "
        f"to be beaten: {_baselines(evidence)}."
    )
    board = tables.leaderboard_table(evidence.leaderboard)
    return Section("leaderboard", "Leaderboard", (text,), (chart,), (board,))


def _baselines(evidence: Evidence) -> str:
    present = set(evidence.baselines)
    return "; ".join(text for name, text in BASELINES.items() if name in present)


def _test(evidence: Evidence) -> Section:
    chart = Chart(
        "comparisons_figure",
        "Right of zero the winner is better. Every entry was measured on the same resamples of "
        "users; a grey dot is a difference within noise.",
        wide=True,
        scrolled_below=520,
    )
    views = (
        tables.metrics_table(evidence),
        tables.segments_table(evidence),
        replace(tables.comparisons_table(evidence), folded=True),
    )
    text = "All entries on the test window. Higher is better, except for log loss, Brier score and "
    return Section("test", "Results on test", (text + "calibration error.",), (chart,), views)


def _gains(evidence: Evidence) -> Section:
    chart = Chart(
        "gains_figure",
        "For each product its users are notified from the likeliest down. The dashed line marks "
        f"{percent(evidence.notified_share)}; the diagonal is what sending at random reaches.",
        wide=True,
    )
    text = (
        "How many of a product's buyers are reached when a share of users is notified, averaged "
        "over all products with their purchases as weights. A user counts once per order."
    )
    return Section("gains", "Buyers reached", (text,), (chart,))


def _ranking() -> Section:
    charts = (
        Chart(
            "product_precision_recall_figure",
            "Users ranked within each product; the area under a line is its product AP.",
        ),
        Chart(
            "precision_recall_figure",
            "All rows in one ranking; the area under a line is its pooled AP.",
        ),
        Chart("product_roc_figure", "Users ranked within each product: what the sales team needs."),
        Chart(
            "roc_figure", "All rows in one ranking: flatters whatever knows the popular products."
        ),
    )
    text = "Each curve twice: with users ranked within a product, and with all rows in one ranking."
    return Section("ranking", "Precision, recall and ROC", (text,), charts)


def _calibration() -> Section:
    chart = Chart(
        "calibration_figure",
        "On the diagonal, of rows given 10 %, 10 % were bought. Each point holds equally many "
        "expected purchases; bars are 95 % Wilson intervals.",
        wide=True,
    )
    text = (
        "Whether a probability can be read as one: the expected purchases of a campaign rest on it."
    )
    return Section("calibration", "Calibration", (text,), (chart,))


def _decisions(evidence: Evidence, setting: Setting) -> Section:
    source = (
        "The threshold was set in the parameters."
        if setting.threshold_given
        else "Each entry's threshold is the one with the highest F1 on the calibration window."
    )
    charts = (
        Chart("confusion_figure", f"Rows of the test window as {evidence.label} decides them."),
        Chart("thresholds_figure", "Further right fewer users are notified, and more of them buy."),
    )
    text = f"Yes or no at a threshold on the probability, one threshold for all products. {source}"
    view = tables.decisions_table(evidence)
    return Section("decisions", "Decision at a threshold", (text,), charts, (view,))


def _regularisation() -> Section:
    chart = Chart(
        "regularisation_figure",
        "Line: the best trial at each value, with the range of its folds. Faint dots: other trials "
        "at that value.",
        wide=True,
        scrolled_below=720,
    )
    text = "How product AP on the folds moved with each parameter of the sweeps."
    return Section("regularisation", "Regularisation", (text,), (chart,))


def _features(evidence: Evidence, setting: Setting) -> Section:
    chart = Chart(
        "importance_figure",
        "How much average precision is lost when the feature's values are shuffled over all rows; "
        f"bars are standard deviations over shuffles. At most {MOST_DRAWN} features are drawn.",
        wide=True,
        scrolled_below=560,
    )
    text = (
        f"{evidence.label} is given {evidence.features}. Permutation importance, on orders of the "
        f"{setting.importance_window} window, says what this model uses, not what causes "
        "purchases; columns that say the same share the loss."
    )
    view = replace(tables.importance_table(evidence.importance), folded=True)
    return Section("features", "Features", (text,), (chart,), (view,))


def _parts(evidence: Evidence) -> Section:
    minimum = evidence.minimum_slice_purchases
    charts = (
        Chart(
            "product_types_figure",
            f"Product types with at least {minimum} purchases on test (number in brackets).",
            wide=True,
            scrolled_below=560,
        ),
        Chart("users_figure", "A user's second order is the first one with any history."),
        Chart("weeks_figure", "Each week is to be judged against its own no skill."),
    )
    views = tuple(
        replace(tables.slices_table(evidence, dimension, caption), folded=True)
        for dimension, caption in (
            ("product_type", "By product type"),
            ("user", "By the user's history"),
            ("week", "By week"),
        )
    )
    text = (
        f"Product AP of {evidence.label} in parts of the test window, each with what equal scores "
        "would reach there (no skill). Within a part, products with at least 5 purchases count; "
        "smaller parts show higher figures by luck alone, so judge each against no skill."
    )
    return Section("parts", "Quality by product type, user and week", (text,), charts, views)


def _lags(evidence: Evidence) -> Section:
    title = "Features taken earlier"
    if evidence.lags.empty:
        text = (
            "What quality survives when features are taken hours before the order was not measured "
            "for this winner and test part. It takes the raw tables, to build the features again: "
            "a ready feature frame does not do. Where there are raw tables, kedro run measures it; "
            "kedro run --pipelines lag_study,reporting adds it to results that are there."
        )
        return Section("lags", title, (text,))
    chart = Chart(
        "lags_figure",
        "The same orders and models; what happened after the moment is not known to the features.",
        wide=True,
    )
    text = (
        "A notification goes out before the user comes back. Here the features of each order of "
        "the test window were built again from the raw tables, as of hours before it. Products "
        "that were not listed then have no row, so rows and purchases may differ a little."
    )
    found = " ".join(finding.text for finding in lag_findings(evidence))
    return Section("lags", title, (text, found), (chart,), (tables.lags_table(evidence),))


def _data(setting: Setting) -> Section:
    troubled = [check for check in setting.checks if check["verdict"] != "pass"]
    passed = [check for check in setting.checks if check["verdict"] == "pass"]
    views = (
        tables.quality_table(troubled, "Checks that warn or fail"),
        replace(tables.quality_table(passed, "Checks that pass"), folded=True),
    )
    text = tables.quality_sentence(setting.checks)
    shown = tuple(view for view in views if view.rows)
    return Section("data", "Data quality", (text,), (), shown)
