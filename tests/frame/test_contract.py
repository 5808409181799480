import itertools

import numpy as np
import pandas as pd
import pytest

from push_propensity.errors import DataError
from push_propensity.frame.columns import (
    BASKET_SIZE,
    COLUMNS,
    EXTENDED_FEATURES,
    EXTENDED_NAMES,
    FLAGS,
    METADATA,
    NUMERIC_FEATURES,
    OUTCOME,
    SAMPLING_WEIGHT,
)
from push_propensity.frame.contract import bounds_rule, check_feature_frame


def message(frame: pd.DataFrame) -> str:
    with pytest.raises(DataError) as caught:
        check_feature_frame(frame)
    return str(caught.value)


def with_values(frame: pd.DataFrame, column: str, values: object, rows: int) -> pd.DataFrame:
    changed = frame.astype({column: object})
    changed.loc[changed.index[:rows], column] = values
    return changed


class TestValidFrames:
    def test_types_and_order_of_columns(self, feature_frame):
        shuffled = feature_frame[list(reversed(COLUMNS))]
        checked = check_feature_frame(shuffled)
        assert tuple(checked.columns) == COLUMNS
        assert {str(checked[name].dtype) for name in (OUTCOME, *NUMERIC_FEATURES)} == {"float64"}
        assert str(checked["created_at"].dtype) == "datetime64[us]"
        assert str(checked["vendor"].dtype) == "category"
        assert str(checked["user_id"].dtype) == "int64"
        assert len(checked) == len(feature_frame)

    def test_text_is_the_same_however_a_file_holds_it(self, feature_frame):
        given = feature_frame.assign(user_id="u" + feature_frame["user_id"].astype("str"))
        expected, held = check_feature_frame(given), {}
        for name in ("user_id", "vendor", "product_type"):
            assert expected[name].tolist() == given[name].tolist()
            assert expected[name].cat.categories.tolist() == sorted(set(given[name]))
            held[name] = pd.Categorical(given[name], given[name].unique()[::-1])
        pd.testing.assert_frame_equal(check_feature_frame(given.assign(**held)), expected)

    def test_checking_twice_changes_nothing(self, feature_frame):
        once = check_feature_frame(feature_frame)
        pd.testing.assert_frame_equal(check_feature_frame(once), once)

    def test_input_stays_as_it_is(self, feature_frame):
        before = feature_frame.copy()
        check_feature_frame(feature_frame)
        pd.testing.assert_frame_equal(feature_frame, before)

    def test_everything_as_text_but_ids(self, feature_frame):
        ids = ["order_id", "user_id", "variant_id"]
        text = feature_frame.astype(dict.fromkeys(set(COLUMNS) - set(ids), "str"))
        pd.testing.assert_frame_equal(check_feature_frame(text), check_feature_frame(feature_frame))

    @pytest.mark.parametrize("kind", ["str", "object"])
    def test_ids_may_be_text_and_keep_their_zeros(self, feature_frame, kind):
        ids = "00" + feature_frame["user_id"].astype("str")
        checked = check_feature_frame(feature_frame.assign(user_id=ids.astype(kind)))
        assert checked["user_id"].tolist() == ids.tolist()

    def test_times_with_an_offset_become_utc(self, feature_frame):
        local = feature_frame["created_at"].dt.tz_localize("UTC").dt.tz_convert("Europe/London")
        given = feature_frame.assign(created_at=local.astype("str"))
        pd.testing.assert_series_equal(
            check_feature_frame(given)["created_at"], feature_frame["created_at"]
        )

    def test_flags_may_be_booleans(self, feature_frame):
        types = {OUTCOME: "bool", **dict.fromkeys(FLAGS, "bool")}
        checked = check_feature_frame(feature_frame.astype(types))
        pd.testing.assert_frame_equal(checked, check_feature_frame(feature_frame))


class TestColumns:
    def test_missing(self, feature_frame):
        said = message(feature_frame.drop(columns=["vendor", "count_pets"]))
        assert "must have its 27 columns" in said
        assert "missing: vendor, count_pets" in said

    def test_surplus(self, feature_frame):
        said = message(feature_frame.assign(colour=1))
        assert "not expected: colour" in said
        assert "missing" not in said

    def test_renamed(self, feature_frame):
        said = message(feature_frame.rename(columns={"vendor": "seller"}))
        assert "missing: vendor; not expected: seller" in said

    def test_doubled_in_memory(self, feature_frame):
        said = message(pd.concat([feature_frame, feature_frame[["vendor"]]], axis="columns"))
        assert "doubled: vendor" in said
        assert "not expected" not in said

    def test_doubled_as_the_csv_reader_names_it(self, feature_frame):
        doubled = pd.concat([feature_frame, feature_frame[["vendor"]]], axis="columns")
        doubled.columns = [*COLUMNS, "vendor.1"]
        assert "doubled: vendor." in message(doubled)

    def test_many_and_long_names_are_cut(self, feature_frame):
        surplus = {f"{'x' * 100}{number}": 1 for number in range(12)}
        said = message(feature_frame.assign(**surplus, **{"y" * 200: 1}))
        assert "x" * 40 in said
        assert "x" * 41 not in said
        surplus = {f"extra_{number}": 1 for number in range(12)}
        assert "extra_9 and 2 more" in message(feature_frame.assign(**surplus))

    def test_no_header_shows_no_values(self, feature_frame):
        headless = feature_frame.set_axis(feature_frame.iloc[0].astype("str"), axis="columns")
        said = message(headless)
        assert "Is the first line the header" in said
        assert str(feature_frame["order_id"].iloc[0]) not in said


class TestValues:
    def test_no_rows(self, feature_frame):
        assert "no rows" in message(feature_frame.head(0))

    @pytest.mark.parametrize("column", [OUTCOME, *NUMERIC_FEATURES])
    def test_text_where_numbers_belong(self, feature_frame, column):
        said = message(with_values(feature_frame, column, "secret", 7))
        assert f"- {column}: expected a number in every row" in said
        assert "; 7 of 3,600 rows differ" in said
        assert "secret" not in said
        assert said.count("- ") == 1

    @pytest.mark.parametrize("column", [OUTCOME, *FLAGS])
    @pytest.mark.parametrize("value", [2.0, -1.0, 0.5])
    def test_flags_and_outcome_are_0_or_1(self, feature_frame, column, value):
        said = message(with_values(feature_frame, column, value, 3))
        assert f"- {column}: expected only 0 and 1; 3 of 3,600 rows differ" in said

    @pytest.mark.parametrize(
        ("column", "value", "rule"),
        [
            ("global_popularity", 1.01, "from 0 to 1"),
            ("normalised_price", 0.0, "from 1e-09 to 1,000"),
            ("discount_pct", -1.5, "from -1 to 1,000"),
            ("days_since_purchase_variant_id", np.inf, "from 0 to 36,500"),
        ],
    )
    def test_bounds(self, feature_frame, column, value, rule):
        said = message(with_values(feature_frame, column, value, 2))
        assert f"- {column}: expected {rule}; 2 of 3,600 rows differ" in said

    @pytest.mark.parametrize(
        ("column", "rule"),
        [
            ("vendor", "a text in every row"),
            ("order_id", "an id in every row"),
            ("user_id", "an id in every row"),
            ("count_pets", "a number in every row"),
            ("order_date", "a time like"),
        ],
    )
    def test_missing_values(self, feature_frame, column, rule):
        changed = feature_frame.copy()
        changed.loc[:3, column] = None
        said = message(changed)
        assert f"- {column}: expected {rule}" in said
        assert said.count("- ") == 1
        assert "; 4 of 3,600 rows differ" in said

    @pytest.mark.parametrize("value", ["yesterday", "03.10.2020", ""])
    def test_times_that_are_none(self, feature_frame, value):
        said = message(with_values(feature_frame, "created_at", value, 5))
        assert "- created_at: expected a time like 2021-03-03 14:42:05" in said
        assert "; 5 of 3,600 rows differ" in said
        assert said.count("- ") == 1

    def test_numbers_are_no_times(self, feature_frame):
        said = message(feature_frame.assign(created_at=1_601_913_600))
        assert "- created_at: expected a time" in said
        assert "; 3,600 of 3,600 rows differ" in said

    def test_order_date_is_the_day_of_created_at(self, feature_frame):
        changed = feature_frame.copy()
        changed.loc[:9, "order_date"] += pd.Timedelta(days=1)
        assert "- order_date: expected the day of created_at; 10 of 3,600 rows" in message(changed)

    def test_keys_are_unique(self, feature_frame):
        doubled = pd.concat([feature_frame, feature_frame.head(30)], ignore_index=True)
        said = message(doubled)
        assert "- order_id, variant_id: expected each pair of order and product once; 30" in said

    def test_an_index_with_repeats_does_not_spoil_the_counts(self, feature_frame):
        changed = feature_frame.assign(count_pets=-1.0)
        changed.index = pd.Index([0] * len(changed))
        assert "; 3,600 of 3,600 rows differ" in message(changed)

    def test_ids_are_neither_fractions_nor_categories_of_numbers(self, feature_frame):
        changed = feature_frame.astype({"order_id": "float64", "user_id": "category"})
        said = message(changed)
        assert "- order_id: expected whole numbers or text" in said
        assert "- user_id: expected whole numbers or text" in said

    def test_all_broken_rules_come_in_one_message_cut_after_ten(self, feature_frame):
        numbers = dict.fromkeys(NUMERIC_FEATURES[:12], -5.0)
        said = message(feature_frame.assign(**numbers))
        assert said.count("\n- ") == 11
        assert "- and 2 more" in said
        assert said.endswith("run again.")


class TestOptionalColumns:
    def test_come_after_the_others_in_their_order_and_in_half_the_memory(self, extended_frame):
        expected = [*COLUMNS, *EXTENDED_NAMES, *METADATA]
        checked = check_feature_frame(extended_frame[expected[::-1]].astype({BASKET_SIZE: int}))
        assert checked.columns.tolist() == expected
        optional = checked[[*EXTENDED_NAMES, *METADATA]]
        assert set(optional.dtypes.astype(str)) == {"float32"}
        pd.testing.assert_frame_equal(optional, extended_frame[optional.columns])
        assert set(checked[list(NUMERIC_FEATURES)].dtypes.astype(str)) == {"float64"}

    def test_any_of_them_may_be_there(self, extended_frame):
        some = ["due_ratio_vendor", SAMPLING_WEIGHT, "hour_of_day"]
        checked = check_feature_frame(extended_frame[[*COLUMNS, *some]])
        assert checked.columns.tolist() == [*COLUMNS, some[0], some[2], some[1]]

    def test_checking_twice_changes_nothing(self, extended_frame):
        once = check_feature_frame(extended_frame)
        pd.testing.assert_frame_equal(check_feature_frame(once), once)

    def test_others_are_still_refused(self, extended_frame):
        said = message(extended_frame.assign(colour=1))
        assert "its 27 columns, each once, and beside them only extended features" in said
        assert "not expected: colour" in said

    @pytest.mark.parametrize("feature", EXTENDED_FEATURES, ids=lambda feature: feature.name)
    def test_bounds(self, extended_frame, feature):
        changed = with_values(extended_frame, feature.name, feature.maximum + 1, 3)
        changed.loc[changed.index[3:5], feature.name] = feature.minimum - 0.5
        said = message(changed)
        assert f"- {feature.name}: expected {bounds_rule(feature)}; 5 of 3,600 rows" in said
        assert said.count("- ") == 1

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            *itertools.product(["affinity_history", BASKET_SIZE, SAMPLING_WEIGHT], [None, "many"]),
            ("affinity_history", 1e300),
            (SAMPLING_WEIGHT, np.inf),
        ],
    )
    def test_no_number(self, extended_frame, column, value):
        others = extended_frame[extended_frame["outcome"] == 0]  # their weights are free
        said = message(with_values(others, column, value, 20))
        assert f"- {column}: expected " in said
        assert f"; 20 of {len(others):,} rows differ" in said
        assert said.count("- ") == 1
        assert "many" not in said

    @pytest.mark.parametrize("value", [0, 2.5, -1])
    def test_basket_sizes_are_whole_numbers(self, extended_frame, value):
        said = message(with_values(extended_frame, BASKET_SIZE, value, 30))  # one order
        assert f"- {BASKET_SIZE}: expected a whole number of at least 1; 30 of 3,600" in said

    def test_an_order_has_one_basket_size(self, extended_frame):
        changed = extended_frame.copy()
        changed.loc[[4, 7, 40], BASKET_SIZE] += 1
        said = message(changed)
        assert f"- {BASKET_SIZE}: expected the same in all rows of an order; 3 of 3,600" in said

    def test_sampling_weights_are_at_least_1_and_1_on_purchases(self, extended_frame):
        bought = extended_frame.index[extended_frame["outcome"] == 1]
        other = extended_frame.index[extended_frame["outcome"] == 0]
        changed = extended_frame.copy()
        changed.loc[other, SAMPLING_WEIGHT] = 4.0
        assert check_feature_frame(changed)[SAMPLING_WEIGHT].max() == 4.0
        changed.loc[bought[:6], SAMPLING_WEIGHT] = 4.0
        said = message(changed)
        assert f"- {SAMPLING_WEIGHT}: expected 1 where outcome is 1; 6 of 3,600 rows" in said
        changed.loc[bought[:6], SAMPLING_WEIGHT] = 1.0
        changed.loc[other[:2], SAMPLING_WEIGHT] = 0.5
        assert f"- {SAMPLING_WEIGHT}: expected at least 1; 2 of 3,600 rows" in message(changed)


def test_rules_come_from_the_definitions_of_features():
    from push_propensity.frame.columns import FEATURES

    rules = {feature.name: bounds_rule(feature) for feature in FEATURES if feature.kind == "number"}
    assert rules["set_as_regular"] == "only 0 and 1"
    assert rules["global_popularity"] == "from 0 to 1"
