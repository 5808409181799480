"""What the figures of all reports share: layout, legend, dots with bars and reference lines."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import plotly.io  # noqa: F401  A late import of it races when nodes run in threads.

from push_propensity.evaluation.metrics import HEADLINE

BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#7F7F7F"  # of Okabe and Ito's colours
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def base_layout(title: str, height: int) -> dict[str, object]:
    """The look of every figure, as arguments of a Plotly layout."""
    return {
        "template": "plotly_white",
        "title": {"text": title, "x": 0, "xref": "paper", "font": {"size": 17}},
        "font": {"family": FONT, "size": 13, "color": "#222222"},
        "height": height,
        "margin": {"l": 60, "r": 20, "t": 60, "b": 60},
        "hoverlabel": {"font": {"family": FONT}},
    }


def new_figure(title: str, height: int) -> go.Figure:
    """An empty figure of that look; its axes make room for their labels."""
    figure = go.Figure(layout=base_layout(title, height))
    figure.update_xaxes(automargin=True, title_standoff=8)
    figure.update_yaxes(automargin=True, title_standoff=8)
    return figure


def fitting_height(rows: int, each: int) -> int:
    """Height in pixels that gives each row so many."""
    return 190 + each * max(rows, 1)


def name_rows(figure: go.Figure, names: Sequence[str]) -> None:
    """Name the rows from the lowest up, with no more room above and below than between them."""
    rows = [-0.8, len(names) - 0.2]
    figure.update_yaxes(categoryorder="array", categoryarray=list(names), range=rows)


def legend_below(figure: go.Figure, entries: int, title: str = "", axis: int = 56) -> go.Figure:
    """Put the legend as a list under the plot and its axis, so that no width squeezes the plot."""
    lines = entries + bool(title)
    bottom = axis + 10 + 20 * lines
    plot = figure.layout.height - 60 - bottom
    figure.update_layout(
        margin_b=bottom,
        showlegend=True,
        legend={
            "title": {"text": title, "font": {"size": 12}},
            "orientation": "v",
            "x": 0,
            "y": -axis / max(plot, 1),
            "xanchor": "left",
            "yanchor": "top",
            "traceorder": "normal",
        },
    )
    return figure


def reference_line(x: Sequence[float], y: Sequence[float], name: str) -> go.Scatter:
    """A thin dashed line to compare with."""
    line = {"color": "#999999", "width": 1, "dash": "dash"}
    return go.Scatter(x=list(x), y=list(y), name=name, mode="lines", line=line, hoverinfo="skip")


def mark_value(figure: go.Figure, x: float, text: str, end: str) -> None:
    """Mark a value of the x-axis by a line with a text at its `end`, top or bottom."""
    figure.add_vline(
        x=x,
        line={"color": "#444444", "width": 1.5, "dash": "dash"},
        annotation={"text": text, "bgcolor": "rgba(255,255,255,0.85)"},
        annotation_position=f"{end} {'right' if x < 0.6 else 'left'}",
    )


def draw_dots(values: pd.Series, names: Sequence[str], name: str, colour: str) -> go.Scatter:
    """One dot per name; `name` is what all of them are called in the legend."""
    return go.Scatter(
        x=rounded(values),
        y=list(names),
        name=name,
        mode="markers",
        marker={"color": colour, "size": 9},
        cliponaxis=False,
    )


def error_bars(middle: pd.Series, low: pd.Series, high: pd.Series) -> dict[str, object]:
    """Error bars from the two ends of an interval."""
    return {
        "type": "data",
        "symmetric": False,
        "array": rounded(high - middle),
        "arrayminus": rounded(middle - low),
    }


def headline_bars(table: pd.DataFrame) -> dict[str, object]:
    """Error bars of the headline metric, whose ends stand in columns beside it."""
    return error_bars(table[HEADLINE], table[f"{HEADLINE}_low"], table[f"{HEADLINE}_high"])


def rounded(values: pd.Series) -> list[float | None]:
    """Six significant digits are more than a screen shows and keep the report small."""
    return [float(f"{v:.6g}") if np.isfinite(v) else None for v in values.astype(float)]
