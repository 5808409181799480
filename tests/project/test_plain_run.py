"""`kedro run` without arguments on the shipped sample."""

import json
from html.parser import HTMLParser

import pandas as pd
import pytest

pytestmark = pytest.mark.slow


def test_it_ends_with_the_leaderboard_and_the_report_s_path(plain_run, finished_project):
    _, ran = plain_run
    shown = ran.stdout.splitlines()
    assert shown[-1] == "Report: data/08_reporting/report.html"
    assert any("Leaderboard" in line for line in shown)
    assert all(len(line) <= 80 for line in shown)
    assert "Traceback" not in ran.stdout + ran.stderr
    assert "Warning" not in ran.stderr


def test_the_winner_is_the_best_of_the_leaderboard_and_is_published(finished_project):
    models = finished_project / "data/06_models"
    leaderboard = pd.read_csv(models / "selection/leaderboard.csv")
    winner = json.loads((models / "selection/winner.json").read_text())
    candidates = leaderboard[leaderboard["kind"] == "candidate"]
    best = candidates.sort_values("product_average_precision").iloc[-1]
    assert winner["candidate"] == best["candidate"]
    (bundle,) = models.glob("push_*")
    manifest = json.loads((bundle / "manifest.json").read_text())
    assert manifest["candidate"] == winner["candidate"]
    assert manifest["environment"] == "base"


class References(HTMLParser):
    """What a page loads when it is opened."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        loading = {"a": ()}.get(tag, ("src", "href", "data"))
        self.found += [value for name, value in attrs if name in loading and value]


def test_the_report_opens_offline(finished_project):
    report = (finished_project / "data/08_reporting/report.html").read_text(encoding="utf-8")
    references = References()
    references.feed(report)
    assert not [url for url in references.found if not url.startswith(("data:", "#"))]
    assert "product average precision" in report.lower()
