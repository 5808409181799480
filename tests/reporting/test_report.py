import re
from dataclasses import replace
from html.parser import HTMLParser

import plotly.io
import pytest
from markupsafe import escape
from pydantic import ValidationError

from push_propensity.evaluation.options import ReportOptions
from push_propensity.frame.split import SplitOptions
from push_propensity.pipelines.reporting.pipeline import FIGURES
from push_propensity.reports import page
from tests.reporting.measured_shop import make_frame, make_inputs, run_reporting

INTAKE = {
    "rows": 1_000,
    "taken_in": 990,
    "put_aside": {"rows": 4, "reasons": {"no time": 4}},
    "duplicates": {"same_line": 5, "same_product_in_order": 1},
    "late": {"lines": 2},
    "orders": {"rows": 120, "first_day": "2021-01-01", "last_day": "2021-02-28"},
    "users": 80,
    "products": 40,
}


class Outline(HTMLParser):
    """Headings, identifiers, links and loaded addresses of a page."""

    def __init__(self, page):
        super().__init__()
        self.headings, self.ids, self.anchors, self.loaded, self.scopes = [], [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "th":
            self.scopes.append(given.get("scope"))
        if tag == "a":
            self.anchors.append(given["href"])
        if tag in {"link", "img", "script", "iframe", "source"}:
            self.loaded += [given[name] for name in ("src", "href") if name in given]
        if "id" in given:
            self.ids.append(given["id"])


@pytest.fixture(scope="module")
def outline(results):
    return Outline(results["report"])


@pytest.fixture(scope="module")
def configured():
    """A run with whatever may be configured and changes what the report says in one place."""
    inputs = make_inputs()
    summary = inputs["split_summary"]
    train = {**summary["train"], "rows": 4_800, "candidate_rows": 48_000}
    changed = {
        "data_source": "the <shop>",
        "threshold": 0.25,
        "importance_window": "calibration",
    }
    given = {
        "split_summary": {**summary, "train": train},
        "params:split": SplitOptions(minimum_items=3, basket="all"),
        "params:report_options": inputs["params:report_options"].model_copy(update=changed),
        "intake_report": INTAKE,
        "xgboost_model": replace(inputs["xgboost_model"], fitted_rows=1_200),
    }
    return run_reporting(inputs | given)


def test_nothing_is_loaded_from_elsewhere(outline, results):
    assert outline.loaded == ["data:,"]
    style = results["report"].split("<style>")[1].split("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style


def test_the_library_is_in_the_page_once_and_the_page_is_small(results):
    assert results["report"].count("* plotly.js v") == 1
    assert len(results["report"].encode()) < 8_000_000


def test_headings_are_in_order(outline):
    assert outline.headings[0] == 1
    assert outline.headings.count(1) == 1
    steps = zip(outline.headings, outline.headings[1:], strict=False)
    assert all(after <= before + 1 for before, after in steps)


def test_links_lead_somewhere_and_identifiers_are_unique(outline):
    assert len(set(outline.ids)) == len(outline.ids)
    assert {anchor.removeprefix("#") for anchor in outline.anchors} <= set(outline.ids)


def test_table_headings_have_a_scope(outline):
    assert outline.scopes
    assert set(outline.scopes) <= {"col", "row"}


def test_every_figure_is_shown_once_with_words_for_it(results):
    html = results["report"]
    for name in FIGURES:
        assert html.count(f'<div id="figure-{name}"') == 1
    assert html.count('role="img" aria-label="') == len(FIGURES)
    assert html.count("<figcaption>") == len(FIGURES)


def test_what_data_say_is_escaped(results):
    html = results["report"]
    body = html.split("</head>")[1]
    assert "&lt;/script&gt;" in body
    assert body.count("<script") == body.count("</script>")


def test_findings_are_in_the_report(results):
    report = results["report"]
    for finding in results["findings"]["findings"]:
        assert f"<li>{escape(finding['text'])}</li>" in report
    assert f'<p class="summary">{escape(results["findings"]["summary"])}</p>' in report
    assert "What worked" in report


def test_the_features_and_the_baseline_to_beat_are_described(results):
    assert "XGBoost is given 21 features that every frame has." in results["report"]
    assert "the ordered-before rule ranks users who bought" in results["report"]
    assert "the own-frequency rule" not in results["report"]


def test_the_least_size_of_an_order_is_the_configured_one(results):
    assert "Only orders of at least 3 items count." in results["report"]


@pytest.mark.slow
def test_a_sampled_train_part_and_what_counts_as_an_item_are_stated(results, configured):
    assert "Train is a sample" not in results["report"]
    assert "was fitted to" not in results["report"]
    report = configured["report"]
    assert "XGBoost was fitted to 1,200 of the 9,600 rows" in report
    assert "its 4,800 rows stand for about 48,000 candidate rows" in report
    assert "at least 3 items count, products that are not in the frame included." in report


@pytest.mark.slow
def test_the_data_are_named_where_their_source_is_given(results, configured):
    assert 'class="data"' not in results["report"]
    days = "orders from 2021-01-01 to 2021-02-28."
    assert f'<p class="data">Data: the &lt;shop&gt;, {days}</p>' in configured["report"]


def test_findings_are_folded_by_topic_those_of_the_sweeps_last(results):
    found = results["findings"]["findings"]
    part = results["report"].split('<h2 id="findings">')[1].split("</section>")[0]
    folded = [text.split("</details>")[0] for text in part.split("<details>")[1:]]
    topics = list(dict.fromkeys(finding["topic"] for finding in found))
    assert topics[-1] != "Regularisation"
    topics.append(topics.pop(topics.index("Regularisation")))
    assert len(folded) == len(topics)
    for topic, text in zip(topics, folded, strict=True):
        about = [finding for finding in found if finding["topic"] == topic]
        number = f"{len(about)} finding{'s' * (len(about) > 1)}"
        assert text.startswith(f"<summary>{topic}: {number}</summary>")
        assert text.count("<li>") == len(about)


@pytest.mark.slow
def test_what_became_of_the_intake_is_said_where_lines_were_taken_in(results, configured):
    assert "order lines" not in results["report"]
    report = configured["report"]
    assert "Took in 990 of 1,000 order lines: 120 orders of 80 users, 40 products" in report
    assert "Put aside 4 (no time: 4)." in report


def test_the_first_screen_has_the_gains_and_says_of_whom_they_hold(results):
    first = results["report"].split("<header>")[1].split("</header>")[0]
    assert 'id="figure-headline_figure"' in first
    assert "of the users, given that they order" in first
    lines = [trace.name.split(":")[0] for trace in results["headline_figure"].data]
    assert lines == ["XGBoost", "Ordered-before rule", "at random"]


@pytest.mark.slow
def test_figures_and_texts_say_the_configured_confidence(inputs, results):
    wide = results["test_curves"].query("curve == 'calibration'")
    options = inputs["params:report_options"].model_copy(update={"confidence": 0.8})
    results = run_reporting(inputs | {"params:report_options": options})
    sure = "80\N{NO-BREAK SPACE}%"
    assert f"Test: {sure} interval" in [trace.name for trace in results["leaderboard_figure"].data]
    for name in ("product_types_figure", "users_figure", "weeks_figure"):
        assert f"winner: {sure} interval" in [trace.name for trace in results[name].data]
    body = results["report"].split("</head>")[1]
    assert f"bars are {sure} Wilson intervals" in body
    assert not re.search(r"\b95\s*%", body)
    narrow = results["test_curves"].query("curve == 'calibration'")
    assert (narrow["high"] - narrow["low"] < wide["high"] - wide["low"]).all()


def test_what_the_figures_are_not_of_is_said(results):
    report = results["report"]
    assert "whose rows were used for no fit, no sweep and no threshold." in report
    assert "Intervals come from drawing whole users with replacement." in report
    assert "Products new to the shop and users without a second order are not among them." in report
    assert "not the effect of a notification" in report
    assert report.count("Product AP counts the") == 1


def test_no_user_is_named(results, scores):
    users = set(scores["user_id"].astype(str))
    report = results["report"]
    assert not any(f"{user}<" in report or f'"{user}"' in report for user in users)


@pytest.mark.slow
def test_the_same_input_gives_the_same_bytes(results):
    again = run_reporting(make_inputs())
    assert again["report"] == results["report"]
    for name in FIGURES:
        assert again[name].to_json() == results[name].to_json()


def test_figures_from_a_file_give_the_same_bytes(results):
    figure = results["roc_figure"]
    again = plotly.io.from_json(figure.to_json())
    assert page._embed("roc_figure", again) == page._embed("roc_figure", figure)


@pytest.mark.slow
def test_a_tiny_shop_gets_a_report():
    inputs = make_inputs() | {"test": make_frame(orders=6, products=8, seed=9)}
    results = run_reporting(inputs)
    assert (
        results["test_metrics"].query("metric == 'product_average_precision'")["value"].isna().any()
    )
    assert "Findings" in results["report"]
    for name in ("test_decisions", "test_slices"):
        ends = results[name].filter(regex="_(low|high)$").stack().dropna()
        assert ends.between(0, 1).all()


@pytest.mark.slow
def test_a_configured_threshold_is_stated(configured):
    assert set(configured["test_decisions"]["threshold"]) == {0.25}
    assert "The threshold was set in the parameters." in configured["report"]


@pytest.mark.slow
def test_importance_may_use_the_calibration_window(configured):
    assert "on orders of the calibration window" in configured["report"]


@pytest.mark.parametrize(
    "wrong",
    [{"notified_share": 0}, {"confidence": 1}, {"importance_window": "train"}, {"unknown": 1}],
)
def test_wrong_options_are_refused(wrong):
    with pytest.raises(ValidationError):
        ReportOptions(**wrong)
