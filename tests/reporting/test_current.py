"""What models say about the users of today."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from push_propensity.evaluation.current import count_outside, rank_who_left, take_current_frame
from push_propensity.frame.columns import DAYS_SINCE_PURCHASE
from push_propensity.pipelines.reporting.pipeline import EVIDENCE
from push_propensity.reports import sections, tables
from push_propensity.reports.findings import Evidence, derive
from tests.reporting.measured_shop import WINNER, Weighted, make_current_frame

USERS = 100
TEST = make_current_frame().head(USERS)


@pytest.fixture(scope="module")
def evidence(results):
    return Evidence(**{key: results[name] for key, name in EVIDENCE.items()})


LINEAR = Weighted({"set_as_regular": 1.0}, name="logistic_l2")


def today(left, **columns):
    """One product and so many users, of whom `left` bought it last longer ago than any before."""
    frame = make_current_frame().head(USERS).assign(variant_id=1, **columns)
    days = np.where(np.arange(USERS) < left, 91.0, 90.0)
    return frame.assign(**{DAYS_SINCE_PURCHASE: days})


class TestRankWhoLeft:
    def test_by_hand(self):
        regular = np.where(np.isin(np.arange(USERS), [0, 50]), 1.0, 0.0)
        [row] = rank_who_left(today(10, set_as_regular=regular), model=LINEAR).to_dict("records")
        assert (row["entry"], row["longest"], row["pairs"]) == ("logistic_l2", 90.0, 100)
        assert (row["left"], row["left_of_top"]) == (0.1, 0.5)
        high, low = 1 / (1 + np.exp([3.0, 4.0]))
        assert row["mean"] == pytest.approx((2 * high + 98 * low) / 100)
        assert row["mean_of_left"] == pytest.approx((high + 9 * low) / 10)

    def test_each_product_has_its_own_likeliest(self):
        popular = today(0, set_as_regular=1.0)
        other = today(10, set_as_regular=(np.arange(USERS) < 2) * 0.5).assign(variant_id=2)
        table = rank_who_left(pd.concat([popular, other], ignore_index=True), model=LINEAR)
        assert table[["left", "left_of_top"]].to_numpy().tolist() == [[0.05, 0.5]]

    def test_of_candidates_alone(self):
        models = {"a": LINEAR, "b": replace(LINEAR, name="constant")}
        assert rank_who_left(today(10), **models)["entry"].to_list() == ["logistic_l2"]

    def test_nobody_left(self):
        [row] = rank_who_left(today(0), model=LINEAR).to_dict("records")
        assert (row["left"], row["left_of_top"]) == (0.0, 0.0)
        assert np.isnan(row["mean_of_left"])


class TestCountOutside:
    def test_by_hand(self):
        frame = today(10).assign(global_popularity=[-0.5, 1.5, *[0.5] * 98])
        frame[DAYS_SINCE_PURCHASE] = [*[81.0] * 30, *[80.0] * 70]
        table = count_outside(frame, {"candidate": "logistic_l2"}, logistic_l2=LINEAR)
        assert table.to_numpy().tolist() == [
            [DAYS_SINCE_PURCHASE, 0.0, 80.0, pytest.approx(0.3)],
            ["global_popularity", 0.0, 1.0, pytest.approx(0.02)],
        ]

    def test_what_lies_within_is_not_named(self):
        frame = today(0).assign(**{DAYS_SINCE_PURCHASE: 5.0})
        assert count_outside(frame, {"candidate": "logistic_l2"}, logistic_l2=LINEAR).empty


@pytest.mark.parametrize(
    "frame", [None, today(10).head(0), today(10).drop(columns="count_pets")], ids=["", "0", "-"]
)
def test_without_a_frame_that_can_be_scored_there_are_no_rows(frame):
    taken = take_current_frame(frame, TEST, logistic_l2=LINEAR)
    assert rank_who_left(taken, logistic_l2=LINEAR).empty
    assert count_outside(taken, {"candidate": "logistic_l2"}, logistic_l2=LINEAR).empty


def test_a_frame_that_can_be_scored_is_taken_as_it_is():
    frame = today(10)
    assert take_current_frame(frame, TEST, logistic_l2=LINEAR) is frame


def test_a_frame_of_other_users_is_left_out(caplog):
    others = TEST.assign(user_id="other " + TEST["user_id"])
    assert take_current_frame(today(10), others, logistic_l2=LINEAR).empty
    assert "is of other users than the test part" in caplog.text


def test_a_frame_from_before_the_latest_orders_is_left_out(caplog):
    later = TEST.assign(created_at=TEST["created_at"] + pd.Timedelta(days=365))
    assert take_current_frame(today(10), later, logistic_l2=LINEAR).empty
    assert "is older than the latest orders" in caplog.text


class TestReport:
    def finding(self, evidence):
        [found] = [f for f in derive(evidence) if f["topic"] == "Users of today"]
        return found

    def test_says_whether_those_who_left_crowd_the_list(self, evidence):
        table = evidence.who_left.assign(left=0.01, left_of_top=0.005, longest=203.0)
        found = self.finding(replace(evidence, who_left=table))
        assert found["verdict"] == "worked"
        assert "last bought over 203 days ago" in found["text"]
        found = self.finding(replace(evidence, who_left=table.assign(left_of_top=0.1)))
        assert found["verdict"] == "failed"
        assert found["text"].endswith("those who left crowd the list.")

    def test_has_a_row_per_candidate_and_one_per_feature_outside(self, evidence):
        view = tables.who_left_table(evidence)
        assert len(view.rows) == 3
        assert [row[0] for row in tables.outside_table(evidence).rows] == [DAYS_SINCE_PURCHASE]
        assert evidence.name == WINNER["candidate"]

    def test_says_how_to_measure_it_where_it_was_not(self, evidence):
        without = replace(evidence, who_left=evidence.who_left.head(0))
        assert not [f for f in derive(without) if f["topic"] == "Users of today"]
        section = sections._today(without)
        assert "kedro run --pipelines current_frame,reporting" in section.text[0]
        assert section.tables == ()
