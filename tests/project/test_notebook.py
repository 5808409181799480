"""The notebook runs on the shipped sample, and is in git without results."""

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

from push_propensity.frame.split import keep_large_orders
from tests.project.environments import ROOT

NOTEBOOK = "notebooks/exploration.ipynb"
FIGURE = "application/vnd.plotly.v1+json"
FIGURES = 6


@pytest.fixture(scope="module")
def outputs(finished_project):
    """What the cells show, in order."""
    path = finished_project / NOTEBOOK
    notebook = nbformat.read(path, as_version=4)
    # It finds the project from its own folder, as it does in an editor.
    resources = {"metadata": {"path": str(path.parent)}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
    return [output for cell in notebook.cells for output in cell.get("outputs", [])]


@pytest.fixture(scope="module")
def sentences(outputs):
    texts = [output["data"].get("text/markdown", "") for output in outputs if "data" in output]
    return " ".join(" ".join(texts).split())


@pytest.mark.slow
def test_every_figure_has_data_a_title_and_an_axis_s_name(outputs):
    figures = [output["data"][FIGURE] for output in outputs if FIGURE in output.get("data", {})]
    assert len(figures) == FIGURES
    for figure in figures:
        layout = figure["layout"]
        assert layout["title"]["text"]
        assert figure["data"]
        axes = [axis for name, axis in layout.items() if name[1:5] == "axis"]
        assert any(axis.get("title", {}).get("text") for axis in axes)


@pytest.mark.slow
def test_nothing_is_warned_of(outputs):
    texts = [output.get("text", "") for output in outputs]
    texts += [output.get("data", {}).get("text/plain", "") for output in outputs]
    assert not [text for text in texts if "Warning" in text or "WARNING" in text]


@pytest.mark.slow
def test_the_sentences_are_true(finished_project, sentences):
    frame = pd.read_csv(
        finished_project / "data/01_raw/feature_frame_20210304.csv", parse_dates=["created_at"]
    )
    kept = keep_large_orders(frame, 5)
    assert f"{kept['outcome'].mean():.1%} of the rows are purchases" in sentences
    rates = kept.groupby("ordered_before")["outcome"].mean()
    assert f"bought {rates[1.0] / rates[0.0]:.1f} times as often" in sentences
    repeat = kept["ordered_before"].mean()
    assert f"repeat: {repeat:.0%} of the rows" in sentences


@pytest.mark.slow
def test_it_names_the_winner(finished_project, sentences):
    leaderboard = pd.read_csv(finished_project / "data/06_models/selection/leaderboard.csv")
    (winner,) = leaderboard.loc[leaderboard["is_winner"], "candidate"]
    assert f"the winner is {winner}" in sentences


def test_it_is_kept_without_results():
    notebook = nbformat.read(ROOT / NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert not [cell for cell in code if cell.outputs or cell.execution_count is not None]
