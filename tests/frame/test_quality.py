import json

import pandas as pd
import pytest

from push_propensity.frame.quality import (
    LOOKS,
    QualityOptions,
    QualityReport,
    assess_frame,
    assess_quality,
)
from push_propensity.frame.split import SplitOptions, keep_large_orders, plan_split
from push_propensity.reports.figures.data_quality import draw_quality


@pytest.fixture
def days(feature_frame) -> pd.DataFrame:
    return plan_split(keep_large_orders(feature_frame, 5), SplitOptions())


def assess(frame: pd.DataFrame, days: pd.DataFrame, **changes: float) -> QualityReport:
    options = QualityOptions(**changes)
    assessed = assess_quality(assess_frame(frame, options), days, options)
    return QualityReport.model_validate(assessed)


def find(report: QualityReport, dimension: str, subject: str, rule: str = "") -> dict:
    found = [
        check
        for check in report.checks
        if (check.dimension, check.subject) == (dimension, subject) and rule in check.rule
    ]
    assert len(found) == 1
    return found[0].model_dump()


class TestGoodData:
    def test_nothing_fails_and_every_dimension_is_looked_at(self, feature_frame, days):
        table = pd.DataFrame(assess(feature_frame, days).model_dump()["checks"])
        assert table["dimension"].unique().tolist() == list(LOOKS)
        assert table.loc[table["verdict"] != "pass", "subject"].tolist() == []

    def test_overview_and_parts(self, feature_frame, days):
        report = assess(feature_frame, days)
        held = report.overview
        assert (held["rows"], held["orders"], held["products"]) == (3600, 120, 30)
        assert held["purchases"] == feature_frame["outcome"].sum()
        assert held["days"] == 60
        assert held["days_without_orders"] == held["longest_gap_days"] == 0
        assert sum(part["orders"] for part in report.parts.values()) == days["orders"].sum()
        assert list(report.parts) == ["train", "validation", "calibration", "test"]

    def test_report_survives_json(self, feature_frame, days):
        report = assess(feature_frame, days)
        text = json.dumps(report.model_dump(mode="json"))
        assert QualityReport.model_validate(json.loads(text)) == report

    def test_input_stays_as_it_is(self, feature_frame, days):
        before = feature_frame.copy()
        assess(feature_frame, days)
        pd.testing.assert_frame_equal(feature_frame, before)


class TestFindings:
    """Each kind of damage is counted exactly, in its own check."""

    def test_a_constant_column_warns(self, feature_frame, days):
        report = assess(feature_frame.assign(active_snoozed=0.0), days)
        check = find(report, "validity", "active_snoozed", "more than one")
        assert (check["failing"], check["verdict"]) == (1, "warn")

    def test_people_are_adults_and_children(self, feature_frame, days):
        feature_frame.loc[:35, "people_ex_baby"] += 1
        check = find(assess(feature_frame, days), "consistency", "people_ex_baby", "adults")
        assert (check["failing"], check["share"], check["verdict"]) == (36, 0.01, "warn")

    @pytest.mark.parametrize("column", ["user_id", "created_at", "count_adults"])
    def test_one_value_for_each_order(self, feature_frame, days, column):
        step = pd.Timedelta(seconds=1) if column == "created_at" else 1
        feature_frame.loc[[0, 3000], column] += step
        check = find(assess(feature_frame, days), "consistency", column, "each order_id")
        assert (check["checked"], check["failing"], check["unit"]) == (120, 2, "orders")
        assert check["verdict"] == "fail"

    @pytest.mark.parametrize("column", ["product_type", "vendor"])
    def test_one_value_for_each_product(self, feature_frame, days, column):
        feature_frame.loc[0, column] = "another"
        check = find(assess(feature_frame, days), "consistency", column)
        assert (check["checked"], check["failing"], check["unit"]) == (30, 1, "products")

    def test_order_numbers_rise(self, feature_frame, days):
        feature_frame["user_order_seq"] = 2
        check = find(assess(feature_frame, days), "consistency", "user_order_seq", "rises")
        assert check["failing"] == 120 - feature_frame["user_id"].nunique()

    def test_days_since_purchase_need_a_purchase(self, feature_frame, days):
        never = feature_frame.index[feature_frame["ordered_before"] == 0]
        feature_frame.loc[never[:6], "days_since_purchase_variant_id"] = 4.0
        subject = "days_since_purchase_variant_id"
        check = find(assess(feature_frame, days), "consistency", subject)
        assert (check["checked"], check["failing"]) == (len(never), 6)

    def test_days_since_purchase_where_all_products_were_bought(self, feature_frame, days):
        report = assess(feature_frame.assign(ordered_before=1.0), days)
        check = find(report, "consistency", "days_since_purchase_variant_id")
        assert (check["checked"], check["share"], check["verdict"]) == (0, 0.0, "pass")

    def test_gaps(self, feature_frame, days):
        first = feature_frame["order_date"].min()
        gone = feature_frame["order_date"].between(
            first + pd.Timedelta(days=10), first + pd.Timedelta(days=17)
        )
        report = assess(feature_frame[~gone], days)
        assert report.overview["days_without_orders"] == 8
        assert report.overview["longest_gap_days"] == 8
        check = find(report, "timeliness", "order_date", "in a row")
        assert (check["checked"], check["failing"], check["verdict"]) == (52, 1, "warn")

    def test_age_of_the_latest_kept_order(self, feature_frame, days):
        early = days.assign(day=days["day"] - pd.Timedelta(days=9))
        report = assess(feature_frame, early, longest_gap_days=8)
        check = find(report, "timeliness", "order_date", "latest kept")
        assert (check["failing"], check["verdict"]) == (1, "warn")

    def test_outliers_of_a_spread_column(self, feature_frame, days):
        feature_frame.loc[:359, "discount_pct"] = 90.0
        check = find(assess(feature_frame, days), "outliers", "discount_pct")
        assert (check["failing"], check["share"], check["verdict"]) == (360, 0.1, "warn")
        assert (
            find(assess(feature_frame, days, outlier_share=0.2), "outliers", "discount_pct")[
                "verdict"
            ]
            == "pass"
        )

    def test_outliers_beside_a_default_value(self, feature_frame, days):
        values = [2.0] * 3000 + [1.0, 3.0, 4.0] * 199 + [50.0] * 3
        report = assess(feature_frame.assign(count_adults=values), days)
        check = find(report, "outliers", "count_adults")
        assert "commonest value set aside" in check["rule"]
        assert check["failing"] == 3

    def test_balance(self, feature_frame, days):
        report = assess(feature_frame, days, lowest_purchase_share=0.4)
        check = find(report, "balance", "outcome", "rows are purchases")
        assert (check["failing"], check["verdict"]) == (1, "warn")

    def test_parts_that_differ(self, feature_frame, days):
        fewer = days.assign(purchases=days["purchases"].mask(days["part"] == "test", 1))
        check = find(assess(feature_frame, fewer), "balance", "outcome", "items per order")
        assert (check["failing"], check["verdict"]) == (1, "warn")


class TestOptionalColumns:
    @pytest.fixture
    def extended(self, extended_frame):
        return extended_frame.copy()

    def test_are_checked_like_the_others(self, extended, days):
        report = assess(extended, days)
        table = pd.DataFrame(report.model_dump()["checks"])
        assert table.loc[table["verdict"] != "pass", "subject"].tolist() == []
        check = find(report, "validity", "every feature", "more than one value")
        assert check["checked"] > 21

    def test_basket_sizes(self, extended, days):
        extended["basket_size"] = 1.0
        check = find(assess(extended, days), "consistency", "basket_size", "at least the purch")
        items = extended.groupby("order_id")["outcome"].sum()
        assert (check["checked"], check["failing"]) == (120, (items > 1).sum())

    def test_the_share_of_purchases_is_that_of_the_candidates(self, extended, days):
        whole = assess(extended, days)
        bought = extended["outcome"] == 1
        sampled = extended[bought | (extended["variant_id"] % 4 == 0)]
        share = (~bought & (extended["variant_id"] % 4 == 0)).sum() / (~bought).sum()
        weight = sampled["outcome"].where(sampled["outcome"] == 1, 1 / share)
        report = assess(sampled.assign(sampling_weight=weight), days)
        expected = whole.overview["purchase_share"]
        assert report.overview["purchase_share"] == pytest.approx(expected)
        check = find(report, "balance", "outcome", "rows are purchases")
        assert check["verdict"] == "pass"


class TestFigure:
    def test_troubles_come_first_and_passes_of_a_rule_share_a_row(self, feature_frame, days):
        feature_frame.loc[0, "vendor"] = "another"
        report = assess(feature_frame.assign(active_snoozed=0.0), days)
        figure = draw_quality(report.model_dump())
        cells = dict(
            zip(
                ("verdict", "dimension", "subject", "rule", "checked", "failing", "share"),
                figure.data[0].cells["values"],
                strict=True,
            )
        )
        assert cells["verdict"][:2] == ["✗ fail", "! warn"]
        assert set(cells["verdict"][2:]) == {"✓ pass"}
        assert cells["subject"][:2] == ["vendor", "active_snoozed"]
        assert "8 columns, each" in cells["subject"]
        assert len(cells["verdict"]) < 40
        assert "1 column" in cells["checked"]
        assert "1 fail, 1 warn" in figure.layout.title.text
        assert "120 orders" in figure.layout.title.text

    def test_shows_nobodys_id(self, feature_frame, days):
        text = draw_quality(assess(feature_frame, days).model_dump()).to_json()
        assert str(feature_frame["order_id"].iloc[0]) not in text
