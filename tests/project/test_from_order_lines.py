"""A tiny shop's order lines become a report in one run, of an environment without entries."""

import json

import pandas as pd
import pytest
import yaml

from tests.project.environments import ROOT
from tests.project.small_run import SMALL, copy_project, run

pytestmark = pytest.mark.slow

LINES = {"id": "order_id", "ordered_items": "variant_id"}
PARAMETERS = SMALL | {
    "ingestion": {"product_columns": {"vendor": "vendor", "product_type": "product_type"}},
    "feature_options": {"first_order_date": "2020-10-05"},
}


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """What a plain run showed, and where it wrote."""
    project = tmp_path_factory.mktemp("order_lines") / "project"
    copy_project(project)
    raw = project / "data/01_raw"
    orders = pd.read_parquet(ROOT / "data/01_raw/orders.parquet")
    lines = orders.explode("ordered_items").rename(columns=LINES)
    lines[["order_id", "user_id", "created_at", "variant_id"]].to_csv(
        raw / "order_lines.csv", index=False
    )
    pd.read_parquet(ROOT / "data/01_raw/inventory.parquet").to_csv(
        raw / "products.csv", index=False
    )
    shop = project / "conf/tiny"
    shop.mkdir()
    (shop / "globals.yml").write_text(
        "environment: tiny\nstart_from: order_lines\noutput_root: data/environments/tiny\n"
    )
    (shop / "parameters.yml").write_text(yaml.safe_dump(PARAMETERS))
    ran = run(project, "--env", "tiny")
    assert ran.returncode == 0, ran.stdout[-2_000:] + ran.stderr[-2_000:]
    return ran.stdout, project / "data/environments/tiny"


def test_it_is_one_run_that_ends_with_the_report_alone(ran):
    shown, _ = ran
    assert shown.count("Pipeline execution completed") == 1
    assert shown.splitlines()[-1] == "Report: data/environments/tiny/08_reporting/report.html"
    assert "Published: push_" in shown
    assert "Feature frame: " not in shown


def test_each_step_went_on_with_what_the_one_before_made(ran):
    _, root = ran
    intake = json.loads((root / "08_reporting/intake_report.json").read_text())
    orders = pd.read_parquet(root / "02_intermediate/orders.parquet")
    frame = pd.read_parquet(root / "04_feature/feature_frame.parquet")
    parts = [
        pd.read_parquet(root / f"05_model_input/{part}.parquet")
        for part in ("train", "validation", "calibration", "test")
    ]
    assert len(orders) == intake["orders"]["rows"]
    assert set(frame["order_id"]) <= set(orders["id"])
    assert set(pd.concat(parts)["order_id"]) <= set(frame["order_id"])


def test_lags_are_in_the_report(ran):
    _, root = ran
    measured, shown = (
        pd.read_parquet(root / f"08_reporting/tables/{name}.parquet")
        for name in ("lag_metrics", "test_lags")
    )
    assert set(measured["lag_hours"]) == {0, 1, 24}
    assert len(shown) == len(measured)
