import pandas as pd
import pytest

from push_propensity.evaluation import slices
from push_propensity.evaluation.metrics import evaluate
from push_propensity.evaluation.options import ReportOptions


def test_labels_of_known_rows():
    rows = pd.DataFrame(
        {
            "product_type": ["tea", "bread", "tea"],
            "user_order_seq": [2, 3, 9],
            "order_date": pd.to_datetime(["2021-03-07", "2021-03-08", "2021-03-14"]),
            "ordered_before": [0.0, 1.0, 3.0],
            "outcome": [1.0, 1.0, 1.0],
        }
    )
    named = slices.labels(rows, minimum_purchases=2)
    assert named["product_type"].tolist() == ["tea", slices.OTHER_TYPES, "tea"]
    assert named["user"].tolist() == [slices.NEW, slices.KNOWN, slices.KNOWN]
    assert named["week"].tolist() == ["2021-03-01", "2021-03-08", "2021-03-08"]
    assert named["segment"].tolist() == ["explore", "repeat", "repeat"]


def test_slices_of_a_dimension_hold_every_row_once(results, scores):
    table = results["test_slices"]
    for dimension in slices.DIMENSIONS:
        part = table[table["dimension"] == dimension]
        assert part["rows"].sum() == len(scores)
        assert part["purchases"].sum() == scores["outcome"].sum()


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
