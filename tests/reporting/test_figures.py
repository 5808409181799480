import numpy as np
import pandas as pd
import plotly.io
import pytest

from push_propensity.pipelines.reporting.pipeline import FIGURES
from push_propensity.reports.figures import drawing
from push_propensity.reports.figures import report as figures
from push_propensity.reports.wording import entry_label
from tests.reporting.measured_shop import ENTRIES, OPTIONS, WINNER


@pytest.mark.parametrize("name", FIGURES)
def test_figures_have_a_title_and_survive_json(results, name):
    figure = results[name]
    assert figure.layout.title.text
    assert figure.layout.height >= 200
    assert len(figure.data) > 0
    assert plotly.io.from_json(figure.to_json()) == figure


@pytest.mark.parametrize(
    "name", sorted(set(FIGURES) - {"confusion_figure", "regularisation_figure"})
)
def test_axes_say_what_they_show(results, name):
    layout = results[name].layout
    assert layout.xaxis.title.text
    assert layout.yaxis.title.text or isinstance(results[name].data[0].y[0], str)


@pytest.mark.parametrize(
    "name", ["gains_figure", "roc_figure", "product_roc_figure", "precision_recall_figure"]
)
def test_curves_are_listed_by_their_value(results, name):
    lines = [trace for trace in results[name].data if ": " in trace.name]
    lines = [trace for trace in lines if not trace.name.startswith("by chance")]
    assert len(lines) == len(ENTRIES)
    values = [float(trace.name.split(": ")[1].rstrip("\N{NO-BREAK SPACE}%")) for trace in lines]
    assert values == sorted(values, reverse=True)


def test_only_the_features_that_cost_most_are_drawn():
    drops = np.linspace(0.5, 0.0, 50)
    columns = ["product_average_precision", "average_precision"]
    table = pd.DataFrame({"feature": [f"f{n}" for n in range(50)]})
    table = table.assign(**dict.fromkeys(columns, drops))
    table = table.assign(**{f"{name}_deviation": 0.01 for name in columns})
    drawn = figures.plot_importance(table).data[0].y
    assert list(drawn) == [f"f{n}" for n in range(figures.MOST_DRAWN)][::-1]


def test_every_entry_has_its_own_colour_everywhere(results):
    by_name = {}
    for name in ("gains_figure", "roc_figure", "product_precision_recall_figure"):
        for trace in results[name].data:
            by_name.setdefault(trace.name.split(":")[0], set()).add(trace.line.color)
    assert all(len(colours) == 1 for colours in by_name.values())
    colours = [figures._colour(entry) for entry in ENTRIES]
    assert len(set(colours)) == len(ENTRIES)


def test_the_winner_is_drawn_thickest(results):
    widths = {trace.name.split(":")[0]: trace.line.width for trace in results["gains_figure"].data}
    assert max(widths, key=widths.get) == entry_label(WINNER["candidate"])


def test_the_leaderboard_shows_folds_and_test(results):
    folds, test = results["leaderboard_figure"].data
    board = results["leaderboard"].set_index("candidate")["product_average_precision"]
    drawn = dict(zip(folds.y, folds.x, strict=True))
    assert drawn["XGBoost"] == pytest.approx(board["xgboost"], rel=1e-5)
    metrics = results["test_metrics"].query("metric == 'product_average_precision'")
    value = metrics.query("segment == 'all' and entry == 'xgboost'")["value"].iloc[0]
    assert dict(zip(test.y, test.x, strict=True))["XGBoost"] == pytest.approx(value, rel=1e-5)


def test_the_confusion_matrix_counts_every_row(results, scores):
    cells = np.array(results["confusion_figure"].data[0].text).ravel()
    counts = [int(cell.split("<b>")[1].split("</b>")[0].replace(",", "")) for cell in cells]
    assert sum(counts) == len(scores)


def test_comparisons_within_noise_are_grey(results):
    table = results["test_comparisons"].query(
        "segment == 'all' and metric == 'product_average_precision'"
    )
    noise = {entry_label(e) for e in table.loc[table["verdict"] == "noise", "entry"]}
    dots = results["comparisons_figure"].data[0]
    grey = {n for n, c in zip(dots.y, dots.marker.color, strict=True) if c == figures.GREY}
    assert grey == noise
    assert noise


@pytest.mark.parametrize(
    ("values", "axis"),
    [([1e-3, 1e-2, 1.0], "log"), ([3.0, 5.0], "linear"), ([0.0, 10.0], "linear")],
)
def test_a_parameter_that_spans_a_factor_of_ten_is_logarithmic(values, axis):
    part = pd.DataFrame({"value": values, "setting": [str(v) for v in values]})
    assert figures._parameter_axis(part)["type"] == axis


def test_many_settings_get_no_tick_each():
    part = pd.DataFrame({"value": np.linspace(1, 5, 20)})
    assert "tickvals" not in figures._parameter_axis(part)


def test_without_a_sweep_the_paths_are_empty(results):
    figure = figures.plot_regularisation(results["regularisation_paths"].iloc[:0])
    assert len(figure.data) == 0
    assert figure.layout.title.text


def test_numbers_that_are_not_defined_are_gaps():
    assert drawing.rounded(pd.Series([1.23456789, np.nan])) == [1.23457, None]


def test_parts_that_are_off_are_drawn_apart(results):
    table = results["test_calibration"].query("entry == 'xgboost'").copy()
    table[["ratio", "ratio_low", "ratio_high"]] = 1.0, 0.9, 1.1
    table.loc[table["slice"] == "tea", ["ratio", "ratio_low", "ratio_high"]] = 0.5, 0.4, 0.6
    fine, off = figures.plot_expected(table, WINNER, OPTIONS).data
    assert len(fine.y) == len(table) - 1
    purchases = table.set_index("slice").loc["tea", "purchases"]
    assert (list(off.y), list(off.x)) == ([f"tea ({purchases})"], [50.0])
    assert off.error_x.array[0] == off.error_x.arrayminus[0] == 10.0
    assert off.marker.symbol != fine.marker.symbol


def test_every_product_is_drawn_and_named(results):
    table = results["test_products"].assign(surprising=False)
    table.loc[3, "surprising"] = True
    fine, off, *lines = figures.plot_products(table, OPTIONS).data
    assert (len(fine.x), len(off.x)) == (len(table) - 1, 1)
    row = table.loc[3]
    assert off.x[0] ** 2 == pytest.approx(row["expected"], rel=1e-4)
    assert off.y[0] ** 2 == pytest.approx(row["purchases"], rel=1e-4)
    words = f"product {row['product']}: {row['expected']:.1f} expected, {row['purchases']} made"
    assert off.text[0] == words
    same, fewest, most = lines
    assert list(same.x) == list(same.y)
    assert all(low <= x <= high for low, x, high in zip(fewest.y, fewest.x, most.y, strict=True))
