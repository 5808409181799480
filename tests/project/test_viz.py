"""Kedro-Viz shows the pipelines and their figures."""

import pytest

from tests.project.viz_browser import (
    CHROMIUM,
    browse,
    find_nodes,
    open_flowchart,
    open_preview,
    serve,
)

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the path"),
]


@pytest.fixture(scope="module")
def address(finished_project, tmp_path_factory):
    with serve(finished_project, tmp_path_factory.mktemp("viz") / "viz.log") as url:
        yield url


@pytest.fixture(scope="module")
def page(address):
    with browse() as opened:
        yield opened


def test_the_flowchart_shows_the_main_job_in_layers(page, address, tmp_path):
    open_flowchart(page, address)
    page.screenshot(path=tmp_path / "flowchart.png")
    drawn = page.locator(".pipeline-node").evaluate_all(
        "nodes => nodes.map(node => node.dataset.nodeFullname)"
    )
    assert {"filter_frame", "choose_winner", "train_model", "render_report"} <= set(drawn)
    assert {"xgboost", "logistic_l2", "feature_frame", "winner", "model_bundle"} <= set(drawn)
    assert "sweep_candidate" not in drawn, "a candidate is one box until it is opened"
    layers = page.locator(".pipeline-layer-name").all_inner_texts()
    assert [layer for layer in layers if layer] == [
        "feature",
        "model_input",
        "models",
        "model_output",
        "reporting",
    ]


@pytest.mark.parametrize("name", ["gains_figure", "data_quality_figure"])
def test_a_figure_opens(page, address, name, tmp_path):
    open_preview(page, address, find_nodes(address)[name]["id"])
    page.screenshot(path=tmp_path / f"{name}.png")
    figure = page.locator(".pipeline-metadata-modal .js-plotly-plot")
    assert figure.locator("svg.main-svg").first.is_visible()
    title = figure.evaluate("figure => figure.layout.title.text")
    assert len(title) > 10
    assert figure.evaluate("figure => figure.data.length") >= 1
