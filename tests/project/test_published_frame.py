import numpy as np
import pandas as pd
import pytest
from benchmarks.published_frame.compare import (
    Comparison,
    PublishedMeasure,
    compare_with_published,
    correlate_with_outcome,
    main,
    measure_frame,
    published_measures,
    read_frame,
    to_markdown,
)
from benchmarks.published_frame.reached_quality import reached_quality
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, log_loss, roc_auc_score

from push_propensity.errors import DataError
from push_propensity.frame.split import SplitOptions, keep_large_orders, plan_split, split_orders
from push_propensity.simulation.compact import round_significant


@pytest.fixture
def frame() -> pd.DataFrame:
    """Two orders of 6 listed products: 5 items in October, 1 in November."""
    rows = 12
    outcome = [1.0] * 5 + [0.0] + [1.0] + [0.0] * 5
    return pd.DataFrame(
        {
            "variant_id": [*range(6), *range(6)],
            "product_type": ["tea", "tea", "wine", "wine", "wine", "wine"] * 2,
            "vendor": ["a", "b", "c", "d", "d", "d"] * 2,
            "order_id": [1] * 6 + [2] * 6,
            "user_id": [7] * 6 + [8] * 6,
            "created_at": pd.to_datetime(["2020-10-05 10:00"] * 6 + ["2020-11-01 09:00"] * 6),
            "user_order_seq": [2] * 6 + [5] * 6,
            "outcome": outcome,
            "ordered_before": [1.0, 1.0, 0.0, 0.0, 0.0, 1.0] + [0.0] * 6,
            "abandoned_before": [0.0] * rows,
            "active_snoozed": [0.0] * rows,
            "set_as_regular": [1.0] + [0.0] * 11,
            "global_popularity": np.linspace(0, 0.11, rows),
            "normalised_price": [0.2] * rows,
            "discount_pct": [0.1] * rows,
            "count_children": [0.0] * 6 + [2.0] * 6,
            "count_pets": [1.0] * rows,
        }
    )


def test_figures_are_those_of_the_frame(frame):
    figures = measure_frame(frame)
    expected = {
        "rows": 12,
        "repeat orders": 2,
        "users": 2,
        "products": 6,
        "product types": 2,
        "vendors": 4,
        "rows in 2020-10": 6,
        "rows in 2020-11": 6,
        "orders of 5 items in 2020-10": 1,
        "rows of the first order": 6,
        "mean of user_order_seq": 3.5,
        "largest user_order_seq": 5,
        "mean items per order": 3,
        "most items": 5,
        "orders of at least 5 items": 1,
        "share of orders of at least 5 items": 0.5,
        "class balance": 0.5,
        "class balance in orders of at least 5 items": 5 / 6,
        "rows with ordered_before": 3,
        "outcome at ordered_before 0": 4 / 9,
        "outcome at ordered_before 1": 2 / 3,
        "outcome at abandoned_before 0": 0.5,
        "outcome at abandoned_before 1": 0.0,
        "outcome at set_as_regular 1": 1.0,
        "largest global_popularity": 0.11,
        "median normalised_price": 0.2,
        "mean count_children": 1.0,
    }
    assert {name: figures[name] for name in expected} == pytest.approx(expected)
    assert "orders of 5 items in 2020-11" not in figures


def test_every_published_figure_is_measured_or_counts_as_nothing(frame):
    comparisons = {row.name: row for row in compare_with_published(frame)}
    assert list(comparisons) == list(published_measures("figures"))
    months = {name for name in comparisons if "202" in name}
    assert set(comparisons) - months <= set(measure_frame(frame))
    assert comparisons["rows in 2021-02"].simulated == 0


@given(published=st.floats(0.01, 1e7), tolerance=st.floats(0, 0.9), difference=st.floats(-0.99, 3))
def test_a_figure_is_within_exactly_when_it_is_near(published, tolerance, difference):
    measure = PublishedMeasure(published=published, tolerance=tolerance, kind="number")
    row = Comparison("x", published * (1 + difference), measure)
    assert row.difference == pytest.approx(difference, abs=1e-9)
    if abs(abs(difference) - tolerance) > 1e-9:
        assert row.within == (abs(difference) <= tolerance)


def test_the_table_marks_what_is_outside():
    share = PublishedMeasure(published=0.5, tolerance=0.1, kind="share")
    exact = PublishedMeasure(published=1200, tolerance=0, kind="count")
    lines = to_markdown([Comparison("balance", 0.4, share), Comparison("rows", 1200, exact)])
    assert lines.splitlines()[2:] == [
        "| balance | 50.000% | 40.000% | -20.0% | ± 10% | **outside** |",
        "| rows | 1,200 | 1,200 | +0.0% | none |  |",
    ]


def test_the_difference_of_a_score_is_absolute():
    score = PublishedMeasure(published=0.0, tolerance=0.02, kind="score")
    near, far = Comparison("a", -0.019, score), Comparison("b", 0.025, score)
    assert (near.within, far.within) == (True, False)
    assert to_markdown([near, far]).splitlines()[2:] == [
        "| a | 0.000 | -0.019 | -0.019 | ± 0.02 |  |",
        "| b | 0.000 | 0.025 | +0.025 | ± 0.02 | **outside** |",
    ]


def test_correlations_are_pearsons_and_nothing_for_a_constant(feature_frame):
    frame = feature_frame.assign(count_pets=1.0)
    correlations = correlate_with_outcome(frame)
    assert list(correlations) == list(published_measures("correlations"))
    columns = frame[["ordered_before", "outcome"]].to_numpy()
    assert correlations["ordered_before"] == pytest.approx(np.corrcoef(columns.T)[0, 1])
    assert correlations["count_pets"] == 0


@pytest.mark.slow
def test_quality_is_reached_on_days_that_were_not_trained_on(feature_frame):
    """Popularity needs no training, so its figures follow from the split alone."""
    quality = reached_quality(feature_frame)
    assert set(published_measures("quality")) <= set(quality)
    items = feature_frame.groupby("order_id")["outcome"].sum()
    assert items.min() < 5  # those orders do not count
    kept = keep_large_orders(feature_frame, 5)
    parts = split_orders(kept, plan_split(kept, SplitOptions()))
    for name, rows in (
        ("validation", pd.concat([parts.validation, parts.calibration])),
        ("test", parts.test),
    ):
        outcome, popularity = rows["outcome"], rows["global_popularity"]
        expected = {
            "ROC AUC": roc_auc_score(outcome, popularity),
            "average precision": average_precision_score(outcome, popularity),
            "log loss": log_loss(outcome, popularity),
        }
        for metric, value in expected.items():
            assert quality[f"popularity, {name}, {metric}"] == pytest.approx(value)
        popular, boosted = (
            quality[f"{model}, {name}, ROC AUC"] for model in ("popularity", "gradient boosting")
        )
        assert boosted > popular


def test_a_frame_too_small_to_be_split_has_no_quality(frame):
    with pytest.raises(DataError, match="Too few purchases"):
        compare_with_published(frame, "quality")


@pytest.mark.slow
def test_command_prints_the_tables_and_fails_outside(feature_frame, tmp_path, capsys):
    path = tmp_path / "frame.parquet"
    feature_frame.to_parquet(path)
    assert main([str(path)]) == 1
    printed = capsys.readouterr().out
    assert "| rows | 2,880,549 | 3,600 |" in printed
    assert "| ordered_before | 0.210 |" in printed
    assert "| gradient boosting, test, ROC AUC | 0.84" in printed
    assert "figures outside their tolerance" in printed


def test_command_succeeds_within(feature_frame, tmp_path, monkeypatch, capsys):
    path = tmp_path / "frame.parquet"
    feature_frame.to_parquet(path)
    rows = {"rows": PublishedMeasure(published=3_600, tolerance=0, kind="count")}
    published = {"figures": rows, "correlations": {}, "quality": {}}
    monkeypatch.setattr("benchmarks.published_frame.compare.published_measures", published.get)
    assert main([str(path)]) == 0
    assert "0 of 1 figures outside" in capsys.readouterr().out


def test_a_missing_frame_is_one_clear_error(tmp_path, capsys):
    with pytest.raises(DataError, match="kedro run --env simulation"):
        read_frame(tmp_path / "none.parquet")
    assert main([str(tmp_path / "none.parquet")]) == 2
    assert "found none" in capsys.readouterr().err


def test_rounding_keeps_significant_digits_and_other_columns():
    frame = pd.DataFrame({"id": [123_456_789], "small": [0.0123456789], "large": [1234567.8]})
    rounded = round_significant(frame, digits=3)
    assert rounded.iloc[0].tolist() == [123_456_789, 0.0123, 1_230_000.0]
    assert frame["small"].iloc[0] == 0.0123456789


@given(st.floats(1e-6, 1e6), st.integers(3, 9))
def test_rounding_is_as_near_as_its_digits(value, digits):
    rounded = round_significant(pd.DataFrame({"x": [value]}), digits)["x"].iloc[0]
    assert rounded == pytest.approx(value, rel=0.5 * 10.0 ** (1 - digits))
    assert float(f"{rounded:.{digits}g}") == rounded
