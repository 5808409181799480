import shutil

import pytest

from push_propensity.pipelines.reporting.pipeline import FIGURES

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PROGRAM = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(PROGRAM is None, reason=f"none of {', '.join(PROGRAMS)} is installed"),
]


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=PROGRAM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module", params=[1200, 390], ids=["desktop", "phone"])
def page(request, browser, results, tmp_path_factory):
    """The opened report with what it asked for and complained of."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(results["report"], encoding="utf-8")
    page = browser.new_page(viewport={"width": request.param, "height": 900})
    page.asked, page.complaints = [], []
    page.on("request", lambda asked: page.asked.append(asked.url))
    page.on("console", lambda said: page.complaints.append(said.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.goto(path.as_uri())
    page.wait_for_function(
        "n => document.querySelectorAll('.main-svg').length >= n", arg=len(FIGURES)
    )
    yield page
    page.close()


def test_the_report_draws_every_chart_offline_without_errors(page):
    for name in FIGURES:
        drawn = page.locator(f"#figure-{name} .main-svg").first
        assert drawn.bounding_box()["width"] > 200
    assert page.complaints == []
    assert [url.split(":")[0] for url in page.asked if not url.startswith("data:")] == ["file"]


def test_the_page_is_not_wider_than_the_window(page):
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(wide) == 0


def test_no_axis_label_is_cut_off(page):
    """Titles and tick labels lie inside their chart."""
    outside = page.evaluate(
        """() => [...document.querySelectorAll('.plotly-graph-div')].flatMap(chart => {
            const box = chart.getBoundingClientRect();
            const labels = chart.querySelectorAll('.xtick text, .ytick text, .xtitle, .ytitle');
            return [...labels].filter(label => {
                const own = label.getBoundingClientRect();
                return own.left < box.left - 1 || own.right > box.right + 1
                    || own.top < box.top - 1 || own.bottom > box.bottom + 1;
            }).map(label => `${chart.id}: ${label.textContent}`);
        })"""
    )
    assert outside == []
