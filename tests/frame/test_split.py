from fractions import Fraction
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from push_propensity.errors import DataError
from push_propensity.frame.split import (
    PARTS,
    FoldOptions,
    SplitOptions,
    cut_folds,
    fold_masks,
    keep_large_orders,
    order_days,
    plan_split,
    require_ranked_products,
    require_unsampled_windows,
    split_orders,
    summarise_split,
)

START = pd.Timestamp("2021-01-01")


def frame_of(orders_per_day: list[int], items: int = 2, text_ids: bool = False) -> pd.DataFrame:
    """Orders of `items` purchases and one product not bought; a day without orders is skipped."""
    rows, number = [], 100
    for day, orders in enumerate(orders_per_day):
        for order in range(orders):
            number += 1
            time = START + pd.Timedelta(days=day, hours=23 * order / max(orders, 1))
            rows += [(number, number % 7, n, time, float(n < items)) for n in range(items + 1)]
    columns = ["order_id", "user_id", "variant_id", "created_at", "outcome"]
    frame = pd.DataFrame(rows, columns=columns).astype({"created_at": "datetime64[us]"})
    ids = ["order_id", "user_id", "variant_id"]
    return frame.astype(dict.fromkeys(ids, "str")) if text_ids else frame


def options(**changes: float) -> SplitOptions:
    return SplitOptions(**{"minimum_purchases": 1, **changes})


def parts_of(orders_per_day: list[int], **changes: float) -> list[str]:
    return plan_split(frame_of(orders_per_day), options(**changes))["part"].tolist()


def expected_parts(orders: list[int], train: Fraction, outer: Fraction, inner: Fraction):
    """The definition, word for word, in exact fractions."""
    total, cumulative, parts = sum(orders), 0, []
    for count in orders:
        cumulative += count
        share = Fraction(cumulative, total)
        parts.append("train" if share <= train else "validation" if share <= outer else "test")
    held = sum(n for n, part in zip(orders, parts, strict=True) if part == "validation")
    cumulative = 0
    for day, count in enumerate(orders):
        if parts[day] == "validation":
            cumulative += count
            if Fraction(cumulative, held) > inner:
                parts[day] = "calibration"
    return parts


busy_days = st.lists(st.integers(0, 9), min_size=12, max_size=60).filter(lambda n: sum(n) >= 30)


class TestKeepLargeOrders:
    def test_keeps_whole_orders_at_the_boundary(self, feature_frame):
        kept = keep_large_orders(feature_frame, 5)
        items = feature_frame.groupby("order_id")["outcome"].sum()
        assert set(kept["order_id"]) == set(items.index[items >= 5])
        assert 0 < kept["order_id"].nunique() < feature_frame["order_id"].nunique()
        assert (kept.groupby("order_id").size() == 30).all()
        assert (items == 5).any()

    @given(seed=st.integers(0, 2**32 - 1), text_ids=st.booleans())
    @settings(max_examples=20, deadline=None)
    def test_shuffled_rows_give_the_same_frame(self, seed, text_ids):
        frame = frame_of([3, 0, 2, 4], items=3, text_ids=text_ids)
        shuffled = frame.sample(frac=1.0, random_state=seed)
        pd.testing.assert_frame_equal(keep_large_orders(shuffled, 2), keep_large_orders(frame, 2))

    def test_sorted_by_time_order_and_product(self):
        frame = frame_of([2, 2]).assign(created_at=START)
        kept = keep_large_orders(frame.iloc[::-1], 1)
        assert kept.index.tolist() == list(range(len(kept)))
        keys = list(zip(kept["order_id"], kept["variant_id"], strict=True))
        assert keys == sorted(keys)

    def test_input_stays_as_it_is(self, feature_frame):
        before = feature_frame.copy()
        keep_large_orders(feature_frame, 5)
        pd.testing.assert_frame_equal(feature_frame, before)

    def test_no_order_is_large_enough(self, feature_frame):
        with pytest.raises(DataError, match=r"at least 31 .* largest of 120 orders .* lower split"):
            keep_large_orders(feature_frame, 31)


class TestBasket:
    def test_all_counts_what_is_not_listed_too(self, extended_frame):
        listed = extended_frame.groupby("order_id")["outcome"].sum()
        kept = keep_large_orders(extended_frame, 6, "all")  # each basket holds 2 more
        assert set(kept["order_id"]) == set(listed.index[listed >= 4])
        assert len(kept) > len(keep_large_orders(extended_frame, 6, "listed"))

    def test_all_needs_the_basket_size(self, feature_frame):
        with pytest.raises(DataError, match=r"no column basket_size.*split\.basket to listed"):
            keep_large_orders(feature_frame, 5, "all")

    def test_the_message_says_what_was_counted(self, extended_frame):
        with pytest.raises(DataError, match=r"at least 40 purchases \(basket_size\)"):
            keep_large_orders(extended_frame, 40, "all")

    def test_only_the_two_are_known(self):
        with pytest.raises(ValidationError, match="basket"):
            SplitOptions(basket="some")


class TestSampledRows:
    """Rows may be left out of train, never later."""

    @pytest.fixture
    def kept(self):
        return keep_large_orders(frame_of([3] * 30).assign(sampling_weight=1.0), 2)

    @pytest.fixture
    def planned(self, kept):
        return plan_split(kept, options())

    def weigh(self, kept, planned, parts):
        """Give the rows without a purchase of some parts a weight of 3."""
        chosen = planned.loc[planned["part"].isin(parts), "day"]
        rows = order_days(kept).isin(chosen) & (kept["outcome"] == 0)
        return kept.assign(sampling_weight=kept["sampling_weight"].mask(rows, 3.0))

    @pytest.mark.parametrize("parts", [[], ["train"]])
    def test_of_train_alone(self, kept, planned, parts):
        require_unsampled_windows(self.weigh(kept, planned, parts), planned)

    @pytest.mark.parametrize("part", PARTS[1:])
    def test_of_a_later_window(self, kept, planned, part):
        rows = (planned["part"] == part).to_numpy() * planned["orders"].to_numpy()
        message = rf"sampled in train only.* has \d+ in train, {rows.sum()} in {part}\. Build"
        with pytest.raises(DataError, match=message):
            require_unsampled_windows(self.weigh(kept, planned, ["train", part]), planned)

    def test_a_frame_without_weights_is_not_sampled(self, kept, planned):
        require_unsampled_windows(kept.drop(columns="sampling_weight"), planned)

    def test_the_share_of_purchases_is_that_of_the_candidates(self, kept, planned):
        whole = summarise_split(*split_orders(kept, planned))
        sampled = kept[(kept["outcome"] == 1) | (kept["order_id"] % 2 == 0)]
        weight = 1 + (sampled["outcome"] == 0)
        found = summarise_split(*split_orders(sampled.assign(sampling_weight=weight), planned))
        for part in PARTS:
            assert found[part]["purchases"] == whole[part]["purchases"]
            assert found[part]["candidate_rows"] > found[part]["rows"]
            assert whole[part]["candidate_rows"] == whole[part]["rows"]
            assert found[part]["purchase_share"] == pytest.approx(
                whole[part]["purchase_share"], rel=0.1
            )


class TestPlanSplit:
    def test_seven_of_ten_days_are_train(self):
        assert parts_of([1] * 10) == ["train"] * 7 + ["validation", "calibration", "test"]

    @pytest.mark.parametrize("orders", [10, 30, 50, 110, 290])
    @pytest.mark.parametrize("train", [0.1, 0.3, 0.6, 0.7])
    def test_shares_that_floats_cannot_hold_are_exact(self, orders, train):
        parts = parts_of([1] * orders, train_share=train)
        assert parts.count("train") == round(train * orders)
        assert parts.count("test") == round((1 - train - 0.2) * orders)

    @pytest.mark.parametrize("share", [1 / 3, 0.3333333, 0.333333])
    def test_a_third_is_a_third(self, share):
        parts = parts_of([1] * 30, calibration_share=share)
        assert (parts.count("validation"), parts.count("calibration")) == (4, 2)

    def test_a_day_across_the_limit_belongs_to_the_later_part(self):
        later = ["validation", "calibration", "calibration", "test"]
        assert parts_of([60, 15, 5, 5, 15]) == ["train", *later]

    @given(counts=busy_days)
    @settings(max_examples=50, deadline=None)
    def test_agrees_with_the_definition(self, counts):
        expected = expected_parts(
            [n for n in counts if n], Fraction(7, 10), Fraction(9, 10), Fraction(2, 3)
        )
        if set(expected) == set(PARTS):
            assert parts_of(counts) == expected
        else:
            with pytest.raises(DataError, match="No purchases for"):
                parts_of(counts)

    def test_counts_orders_and_purchases_of_each_day(self):
        days = plan_split(frame_of([7, 0, 1, 1, 1], items=3), options())
        assert days["orders"].tolist() == [7, 1, 1, 1]
        assert days["purchases"].tolist() == [21, 3, 3, 3]
        assert days["day"].tolist() == [START + pd.Timedelta(days=n) for n in (0, 2, 3, 4)]

    def test_too_few_purchases(self):
        with pytest.raises(DataError, match=r"20 in 10 orders, expected at least 100\. Bring more"):
            plan_split(frame_of([1] * 10), SplitOptions())

    @pytest.mark.parametrize(
        ("counts", "empty"),
        [
            ([50], "train, validation, calibration"),
            ([9, 1], "train, validation"),
            ([7, 1, 2], "validation"),
            ([7, 3], "validation, calibration"),
            ([7, 2, 1], "validation"),
            ([1] * 5 + [40], "validation, calibration"),
        ],
    )
    def test_a_part_without_purchases(self, counts, empty):
        with pytest.raises(DataError, match=f"No purchases for {empty}: .* over more days"):
            parts_of(counts)


class TestSplitOrders:
    @given(counts=busy_days, seed=st.integers(0, 99))
    @settings(max_examples=25, deadline=None)
    def test_disjoint_complete_whole_days_and_in_order(self, counts, seed):
        frame = frame_of(counts)
        kept = keep_large_orders(frame.sample(frac=1.0, random_state=seed), 2)
        try:
            days = plan_split(kept, options())
        except DataError:
            return
        parts = split_orders(kept, days)
        pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), kept)
        orders = [set(part["order_id"]) for part in parts]
        assert sum(len(ids) for ids in orders) == len(set.union(*orders)) == sum(counts)
        ends = [(order_days(part).min(), order_days(part).max()) for part in parts]
        assert all(before[1] < after[0] for before, after in pairwise(ends))

    def test_shuffled_rows_give_the_same_parts(self, feature_frame):
        shuffled = feature_frame.sample(frac=1.0, random_state=3)
        splits = []
        for frame in (feature_frame, shuffled):
            kept = keep_large_orders(frame, 5)
            splits.append(split_orders(kept, plan_split(kept, SplitOptions())))
        for one, other in zip(*splits, strict=True):
            pd.testing.assert_frame_equal(one, other)

    def test_an_order_with_two_times_stays_whole(self):
        frame = frame_of([1] * 10)
        late = frame["order_id"].eq(107) & frame["variant_id"].eq(2)
        frame.loc[late, "created_at"] += pd.Timedelta(days=3)
        parts = split_orders(frame, plan_split(frame, options()))
        assert (parts.train["order_id"] == 107).sum() == 3
        assert (parts.test["order_id"] == 107).sum() == 0

    def test_summary(self, feature_frame):
        kept = keep_large_orders(feature_frame, 5)
        parts = split_orders(kept, plan_split(kept, SplitOptions()))
        summary = summarise_split(*parts)
        assert list(summary) == list(PARTS)
        assert sum(part["rows"] for part in summary.values()) == len(kept)
        assert sum(part["orders"] for part in summary.values()) == kept["order_id"].nunique()
        test = summary["test"]
        assert test["last_day"] == f"{kept['created_at'].max():%Y-%m-%d}"
        assert test["purchase_share"] == pytest.approx(test["purchases"] / test["rows"])
        kinds = {type(value) for part in summary.values() for value in part.values()}
        assert kinds == {str, int, float}


class TestFolds:
    def days(self, orders: int) -> pd.DataFrame:
        return plan_split(frame_of([1] * orders), options())

    def test_windows_are_walked_back_from_the_end_of_development(self):
        days = self.days(150)  # 105 train, 20 validation: 125 of development
        folds = cut_folds(days, FoldOptions(n_windows=3, window_share=0.2))
        assert folds["fold"].tolist() == [1, 2, 3]
        assert folds["train_orders"].tolist() == [50, 75, 100]
        assert folds["validation_orders"].tolist() == [25, 25, 25]
        assert folds["validation_purchases"].tolist() == [50, 50, 50]
        assert folds["validation_end"].iloc[-1] == START + pd.Timedelta(days=124)
        day = pd.Timedelta(days=1)
        assert (folds["validation_start"] - folds["train_end"] == day).all()
        assert (folds["train_start"] == START).all()

    @given(counts=busy_days, windows=st.integers(1, 4), share=st.sampled_from([0.1, 0.15, 0.2]))
    @settings(max_examples=25, deadline=None)
    def test_masks_are_disjoint_in_order_and_touch_no_held_back_row(self, counts, windows, share):
        kept = keep_large_orders(frame_of(counts), 2)
        try:
            days = plan_split(kept, options())
            folds = cut_folds(days, FoldOptions(n_windows=windows, window_share=share))
        except DataError:
            return
        parts = split_orders(kept, days)
        development = pd.concat([parts.train, parts.validation], ignore_index=True)
        day, seen = order_days(development), np.zeros(len(development), dtype=bool)
        for fold, train, validation in fold_masks(development, folds):
            row = folds.set_index("fold").loc[fold]
            assert not (train & validation).any()
            assert day[train].max() < day[validation].min()
            assert development["order_id"][train].nunique() == row["train_orders"]
            assert development["outcome"][validation].sum() == row["validation_purchases"]
            assert not (seen & validation).any()
            assert (~seen | train).all()
            seen |= validation
        assert day[seen].max() == day.max()
        assert (seen | train).all()

    def test_masks_follow_rows_in_any_order(self):
        days = self.days(100)
        folds = cut_folds(days, FoldOptions())
        frame = frame_of([1] * 80)
        shuffled = frame.sample(frac=1.0, random_state=1)
        for one, other in zip(fold_masks(frame, folds), fold_masks(shuffled, folds), strict=True):
            assert set(frame["order_id"][one[1]]) == set(shuffled["order_id"][other[1]])
            assert set(frame["order_id"][one[2]]) == set(shuffled["order_id"][other[2]])

    def test_a_fold_without_orders(self):
        days = plan_split(frame_of([66, 2, 1, 1, 10, 5, 5, 10]), options())
        with pytest.raises(DataError, match=r"Fold 1 of 3 has 0 orders to train on .* folds\."):
            cut_folds(days, FoldOptions())


class TestRankedProducts:
    def check(self, counts: list[int], **changes: float):
        kept = frame_of(counts)
        days = plan_split(kept, options(minimum_purchases=1))
        folds = cut_folds(days, FoldOptions(n_windows=2, window_share=0.2))
        require_ranked_products(kept, days, folds, options(**changes))

    def test_enough(self):
        self.check([10] * 20, minimum_ranked_products=2)

    def test_too_few_say_how_many_there_are(self):
        with pytest.raises(DataError, match="2 on test and 2, 2 in the folds, expected 3"):
            self.check([10] * 20, minimum_ranked_products=3)

    def test_products_bought_fewer_than_five_times_do_not_count(self):
        with pytest.raises(DataError, match="0 on test and 0, 0 in the folds, expected 1"):
            self.check([1] * 20, minimum_ranked_products=1)

    def test_none_need_be_asked_for(self):
        self.check([1] * 20, minimum_ranked_products=0)


class TestOptions:
    @pytest.mark.parametrize(
        "changes",
        [
            {"train_share": 0.8},
            {"train_share": 0.0},
            {"validation_share": 1.0},
            {"calibration_share": 1.0},
            {"minimum_items": 0},
            {"train_part": 0.7},
        ],
    )
    def test_shares_that_leave_no_part_are_refused(self, changes):
        with pytest.raises(ValidationError):
            SplitOptions(**changes)

    @pytest.mark.parametrize(
        "changes", [{"n_windows": 5, "window_share": 0.2}, {"n_windows": 0}, {"window_share": 1.0}]
    )
    def test_windows_that_leave_nothing_to_train_on_are_refused(self, changes):
        with pytest.raises(ValidationError):
            FoldOptions(**changes)

    def test_frozen(self):
        with pytest.raises(ValidationError):
            SplitOptions().minimum_items = 3
