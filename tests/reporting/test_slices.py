from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from push_propensity.evaluation import slices
from push_propensity.evaluation.metrics import HEADLINE, evaluate
from push_propensity.evaluation.options import ReportOptions
from push_propensity.evaluation.scored import entries_of, score_entries
from push_propensity.pipelines.reporting.pipeline import EVIDENCE
from push_propensity.reports import sections
from push_propensity.reports.findings import Evidence


def test_labels_of_known_rows():
    rows = pd.DataFrame(
        {
            "product_type": ["tea", "bread", "tea"],
            "user_order_seq": [2, 3, 9],
            "order_date": pd.to_datetime(["2021-03-07", "2021-03-08", "2021-03-14"]),
            "ordered_before": [0.0, 1.0, 3.0],
            "days_since_first_sale": [27.0, 28.0, 400.0],
            "outcome": [1.0, 1.0, 1.0],
        }
    )
    named = slices.labels(rows, minimum_purchases=2)
    assert named["product_type"].tolist() == ["tea", slices.OTHER_TYPES, "tea"]
    assert named["user"].tolist() == [slices.NEW, slices.KNOWN, slices.KNOWN]
    assert named["week"].tolist() == ["2021-03-01", "2021-03-08", "2021-03-08"]
    assert named["segment"].tolist() == ["explore", "repeat", "repeat"]
    ages = [slices.NEW_PRODUCT, slices.KNOWN_PRODUCT, slices.KNOWN_PRODUCT]
    assert named["product"].tolist() == ages
    plain = slices.labels(rows.drop(columns="days_since_first_sale"), minimum_purchases=2)
    assert plain.equals(named.drop(columns="product"))


def test_slices_of_a_dimension_hold_every_row_once(results, scores):
    sums = results["test_slices"].groupby("dimension")[["rows", "purchases"]].sum()
    assert set(sums.index) == {"product_type", "user", "week"}
    assert set(sums["rows"]) == {len(scores)}
    assert set(sums["purchases"]) == {scores["outcome"].sum()}


def test_new_products_are_a_slice_where_the_frame_says_since_when_they_are_sold(scores):
    new = scores["product_type"] == "tea"
    aged = scores.assign(days_since_first_sale=np.where(new, 3.0, 90.0))
    assert entries_of(aged) == entries_of(scores)
    assert set(score_entries(aged)) - set(score_entries(scores)) == {"days_since_first_sale"}
    options = ReportOptions(resamples=10, confidence=0.9, minimum_slice_purchases=1)
    table = slices.measure_slices(aged, {"candidate": "xgboost"}, options).set_index("slice")
    for name in (HEADLINE, "rows", "log_loss"):
        assert table.loc[slices.NEW_PRODUCT, name] == table.loc["tea", name]
    assert table.loc[slices.KNOWN_PRODUCT, "rows"] == (~new).sum()


def test_a_slice_is_measured_like_the_whole(results, scores):
    table = results["test_slices"].set_index(["dimension", "slice"])
    tea = scores[scores["product_type"] == "tea"]
    plain = evaluate(tea["outcome"], tea["xgboost"], tea["variant_id"])
    row = table.loc[("product_type", "tea")]
    for name, value in plain.items():
        assert row[name] == pytest.approx(value)
    assert row["product_average_precision_low"] < row["product_average_precision"]
    assert row["no_skill"] < row["product_average_precision"]


def test_a_slice_without_purchases_is_kept_and_undefined(scores):
    none = scores.assign(outcome=scores["outcome"].where(scores["product_type"] != "tea", 0.0))
    options = ReportOptions(resamples=10, confidence=0.9, minimum_slice_purchases=1)
    table = slices.measure_slices(none, {"candidate": "xgboost"}, options)
    row = table.set_index("slice").loc[slices.OTHER_TYPES]
    assert row["purchases"] == 0
    assert pd.isna(row["product_average_precision"])
    assert pd.isna(row["roc_auc"])


def test_the_report_shows_new_products_where_it_knows_them(results):
    evidence = Evidence(**{key: results[name] for key, name in EVIDENCE.items()})
    users = evidence.slices[evidence.slices["dimension"] == "user"]
    aged = pd.concat([evidence.slices, users.assign(dimension="product")])
    shown = {
        which: [view.caption for view in sections._parts(given).tables]
        for which, given in (("plain", evidence), ("aged", replace(evidence, slices=aged)))
    }
    assert set(shown["aged"]) - set(shown["plain"]) == {"By how long the product has been sold"}
    assert len(shown["plain"]) == 3
