"""The decision report: one HTML file that opens without a network."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
import plotly.io
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from push_propensity.evaluation.metrics import HEADLINE
from push_propensity.evaluation.options import ReportOptions
from push_propensity.evaluation.uncertainty import GAIN
from push_propensity.frame.split import SplitOptions
from push_propensity.reports.findings import SWEPT, Evidence
from push_propensity.reports.sections import HEADLINE_CHART, Setting, sections
from push_propensity.reports.wording import defined, number, percent, plural

VERDICT_TITLES = {
    "worked": "What worked",
    "failed": "What did not",
    "noise": "What is within noise",
    "note": "Good to know",
}


def render_report(
    split_summary: Mapping[str, Any],
    data_quality: Mapping[str, Any],
    intake_report: Mapping[str, Any] | None,
    findings: Mapping[str, Any],
    split: SplitOptions,
    options: ReportOptions,
    **inputs: Any,
) -> str:
    """Render the report as one HTML page with everything inside.

    The same input gives the same bytes: the page holds no date of its making.

    Args:
        split_summary: From `split.summarise_split`.
        data_quality: From `quality.assess_quality`.
        intake_report: From `ingestion.report_intake`; None where no lines were taken in.
        findings: From `findings.write_findings`.
        split: Which orders count.
        options: What was measured and how finely.
        **inputs: The other fields of `Evidence`, and by name the figures that `sections` places.
    """
    figures = {name: value for name, value in inputs.items() if isinstance(value, go.Figure)}
    tables = {name: value for name, value in inputs.items() if name not in figures}
    evidence = Evidence(options=options, **tables)
    setting = Setting(split_summary, data_quality["checks"], split, intake_report)
    environment = Environment(
        loader=PackageLoader("push_propensity.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("report.html.j2").render(
        title="Whom to notify: the decision report",
        data=_data_sentence(options.data_source, split_summary),
        summary=findings["summary"],
        cards=_cards(evidence),
        headline=HEADLINE_CHART,
        topics=_by_topic(findings["findings"]),
        sections=sections(evidence, setting),
        titles={name: figure.layout.title.text for name, figure in figures.items()},
        embed=lambda name: _embed(name, figures[name]),
        plotly_js=Markup(get_plotlyjs()),
    )


def _data_sentence(source: str, parts: Mapping[str, Any]) -> str:
    """Which data the results are of and from when, or nothing where the source is not named."""
    if not source:
        return ""
    first = min(part["first_day"] for part in parts.values())
    last = max(part["last_day"] for part in parts.values())
    return f"Data: {source}, orders from {first} to {last}."


def _by_topic(findings: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Findings under their topic, those of the sweeps last, by their verdicts within it."""
    topics = sorted(dict.fromkeys(f["topic"] for f in findings), key=lambda topic: topic == SWEPT)
    about = {topic: [f for f in findings if f["topic"] == topic] for topic in topics}
    return [
        {"title": f"{topic}: {plural(len(found), 'finding')}", "verdicts": _grouped(found)}
        for topic, found in about.items()
    ]


def _grouped(findings: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
    """Findings under the heading of their verdict, empty headings left out."""
    return [
        {"verdict": verdict, "title": title, "findings": items}
        for verdict, title in VERDICT_TITLES.items()
        if (items := [finding for finding in findings if finding["verdict"] == verdict])
    ]


def _cards(evidence: Evidence) -> list[dict[str, str]]:
    """The few numbers that everyone should see, those that could not be measured left out."""
    reach, share = evidence.metric(evidence.name, GAIN)["value"], evidence.options.notified_share
    headline = evidence.metric(evidence.name, HEADLINE)
    known = defined(headline["low"]) and defined(headline["high"])
    sure = f" ({evidence.interval(headline['low'], headline['high'])})" if known else ""
    cards = [
        (
            percent(reach),
            f"of a product's buyers reached by notifying {percent(share)} of the users, given that "
            "they order",
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
