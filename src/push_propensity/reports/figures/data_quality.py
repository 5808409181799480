"""The data-quality report as a table to read: what fails first, what passes in few lines."""

from typing import Any

import pandas as pd
import plotly.graph_objects as go
import plotly.io  # noqa: F401  (its lazy import races between threads)

# Light tints of the Okabe-Ito orange, vermillion and bluish green; the mark says it without colour.
TINTS = {"fail": "#f7d4c2", "warn": "#fbe8c0", "pass": "#d3eee4"}
MARKS = {"fail": "✗ fail", "warn": "! warn", "pass": "✓ pass"}
HEADINGS = ("verdict", "dimension", "subject", "rule", "checked", "failing", "share")
WIDTHS = (8, 12, 24, 48, 18, 12, 9)
ROW_HEIGHT = 26


def draw_quality(data_quality: dict[str, Any]) -> go.Figure:
    """Return a table figure: failures, warnings, then passes, columns of one rule together."""
    checks = pd.DataFrame(data_quality["checks"])
    rows = _readable_rows(checks)
    tints = [TINTS[verdict] for verdict in rows["verdict"]]
    cells = rows.assign(verdict=rows["verdict"].map(MARKS))
    table = go.Table(
        header={"values": [f"<b>{name}</b>" for name in HEADINGS], "align": "left"},
        cells={
            "values": [cells[name].tolist() for name in HEADINGS],
            "align": "left",
            "fill": {"color": [tints] + ["white"] * (len(HEADINGS) - 1)},
            "height": ROW_HEIGHT,
        },
        columnwidth=WIDTHS,
    )
    margin = {"t": 70, "b": 20, "l": 20, "r": 20}
    title = _title(checks["verdict"], data_quality["overview"])
    height = 140 + ROW_HEIGHT * (len(rows) + 1)
    return go.Figure(table, go.Layout(title=title, height=height, margin=margin))


def _title(verdicts: "pd.Series[str]", held: dict[str, Any]) -> str:
    counts = verdicts.value_counts()
    found = ", ".join(f"{counts.get(verdict, 0)} {verdict}" for verdict in ("fail", "warn", "pass"))
    return (
        f"Data quality: {found}<br><sup>{held['rows']:,} rows, {held['orders']:,} orders of "
        f"{held['users']:,} users, {held['products']:,} products, "
        f"{held['first_order']} to {held['last_order']}</sup>"
    )


def _readable_rows(checks: pd.DataFrame) -> pd.DataFrame:
    """Sort by verdict and put the passes of one rule into one row, with its largest numbers."""
    troubled = checks[checks["verdict"] != "pass"]
    passes = checks[checks["verdict"] == "pass"]
    keys = ["dimension", "rule", "unit"]
    names = {"subject": ("subject", _name_subjects), "checked": ("checked", "max")}
    worst = {"failing": ("failing", "max"), "share": ("share", "max")}
    grouped = passes.groupby(keys, sort=False).agg(**names, **worst).reset_index()
    rows = pd.concat([troubled, grouped.assign(verdict="pass")])
    rank = {verdict: place for place, verdict in enumerate(TINTS)}
    rows = rows.sort_values("verdict", key=lambda column: column.map(rank), kind="stable")
    return rows.assign(
        checked=[_count(n, unit) for n, unit in zip(rows["checked"], rows["unit"], strict=True)],
        failing=[f"{n:,}" for n in rows["failing"]],
        share=[f"{share:.2%}" for share in rows["share"]],
    )


def _count(number: int, unit: str) -> str:
    return f"{number:,} {unit.removesuffix('s') if number == 1 else unit}"


def _name_subjects(subjects: "pd.Series[str]") -> str:
    return str(subjects.iloc[0]) if len(subjects) == 1 else f"{len(subjects)} columns, each"
