"""What the documents of the report need put together."""

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from push_propensity.evaluation.options import ReportOptions
from push_propensity.frame.split import SplitOptions
from push_propensity.reports import page
from push_propensity.reports.findings import Evidence
from push_propensity.reports.sections import Setting


def write_findings(report_options: ReportOptions, **evidence: Any) -> dict[str, Any]:
    """What worked, what did not and by how much, in words."""
    return page.findings_of(_evidence(report_options, evidence))


def render_report(
    split_summary: dict[str, Any],
    data_quality: dict[str, Any],
    intake_report: dict[str, Any] | None,
    findings: dict[str, Any],
    report_options: ReportOptions,
    split: SplitOptions,
    **inputs: Any,
) -> str:
    """The report as one HTML page."""
    drawn = {name: value for name, value in inputs.items() if isinstance(value, go.Figure)}
    known = {name: value for name, value in inputs.items() if name not in drawn}
    evidence = _evidence(report_options, known)
    setting = Setting(
        splits=split_summary,
        checks=data_quality["checks"],
        importance_window=report_options.importance_window,
        threshold_given=report_options.threshold is not None,
        minimum_items=split.minimum_items,
        basket=split.basket,
        data_source=report_options.data_source,
        intake=intake_report,
    )
    return page.render_html(evidence, setting, findings, drawn)


def _evidence(options: ReportOptions, given: Mapping[str, Any]) -> Evidence:
    return Evidence(
        **given,
        notified_share=options.notified_share,
        confidence=options.confidence,
        minimum_slice_purchases=options.minimum_slice_purchases,
    )
