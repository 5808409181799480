"""A shop needs orders and products alone; whatever it lacks has documented values."""

import ibis
import pytest

from push_propensity.features import FeatureOptions, build_feature_frame, read_raw_tables
from push_propensity.features.points import known_orders, repeat_orders
from push_propensity.frame.columns import COLUMNS, EXTENDED_GROUPS
from tests.features.test_extended_features import ALL, BY_HAND, only
from tests.features.tiny_shop import build, raw_tables, values

DEFAULTS = {
    "abandoned_before": 0,
    "active_snoozed": 0,
    "set_as_regular": 0,
    "normalised_price": 1,
    "discount_pct": 0,
    "product_type": "unknown",
    "vendor": "unknown",
    "count_adults": 2,
    "count_children": 0,
    "count_babies": 0,
    "count_pets": 0,
    "people_ex_baby": 2,
    "days_since_regular": 365,
    "days_since_cart": 365,
    "carts_before": 0,
    "hours_since_open_cart": 365 * 24,
    "open_cart_size": 0,
}


def smallest(key=str):
    """Orders without their number, and products of which only the id and the name are known."""
    tables = raw_tables(key=key)
    return {
        "orders": tables["orders"].drop("user_order_seq"),
        "inventory": tables["inventory"].select("variant_id", "name"),
    }


@pytest.fixture(scope="module")
def frame():
    return build(smallest(), ALL)


@pytest.mark.parametrize(("name", "value"), DEFAULTS.items())
def test_what_is_unknown_has_its_default(frame, name, value):
    assert set(frame[name].to_pylist()) == {value}


def test_what_orders_say_is_as_with_all_tables(frame):
    # D has a price now as every product has, and is listed.
    known = {key for key in values(frame, "outcome") if key[1] != "D"}
    names = ["outcome", "ordered_before", "user_order_seq", "global_popularity", "basket_size"]
    names += BY_HAND["own_product"] | BY_HAND["user"] | BY_HAND["product"] | BY_HAND["calendar"]
    whole = build(options=ALL)
    for name in names:
        found = values(frame, name)
        assert {key: found[key] for key in known} == values(whole, name), name


def test_products_of_unknown_type_are_of_one_type(frame):
    assert values(frame, "purchases_product_type")[5, "B"] == 2
    assert values(frame, "days_since_purchase_product_type")[5, "B"] == 30


@pytest.mark.slow
def test_whole_number_ids_give_the_same_values(frame):
    numbers = {name: number for number, name in enumerate(["u1", "u2", *"ABCDEF"])}
    built = build(smallest(numbers.__getitem__), ALL)
    assert str(built.schema.field("variant_id").type) == "int64"
    ids = ["user_id", "variant_id"]
    assert built.drop_columns(ids).equals(frame.drop_columns(ids))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["users", "regulars", "abandoned_carts"])
def test_a_table_without_rows_is_one_that_is_not_there(name):
    whole = raw_tables()
    empty = build(whole | {name: whole[name].limit(0)}, only("intent"))
    assert empty.equals(build(whole | {name: None}, only("intent")))


def test_a_household_count_that_nobody_asks_for_is_its_default():
    tables = raw_tables()
    frame = build(tables | {"users": tables["users"].drop("count_children", "count_pets")})
    assert values(frame, "people_ex_baby")[3, "A"] == 1
    assert values(frame, "count_pets")[3, "A"] == 0


def test_the_defaults_are_options():
    options = FeatureOptions.model_validate(
        {
            "unknown_category": "other",
            "household": {"count_adults": 1.5},
            "extended": {
                "groups": ["own_vendor", "user", "intent"],
                "never_orders": 7,
                "never_days": 9,
                "vendor_days_to_buy": 11,
                "days_between_orders": 13,
            },
        }
    )
    tables = raw_tables() | {"abandoned_carts": None, "users": None}
    frame = build(tables, options)
    assert values(frame, "vendor")[4, "B"] == "other"
    assert values(frame, "people_ex_baby")[4, "B"] == 1.5
    assert values(frame, "orders_since_purchase_vendor")[4, "A"] == 7
    assert values(frame, "days_since_regular")[4, "A"] == 9
    assert values(frame, "hours_since_open_cart")[4, "A"] == 24 * 9
    assert values(frame, "own_days_to_buy_vendor")[4, "A"] == 11
    assert values(frame, "own_days_between_orders")[4, "A"] == 13


def test_all_options_but_the_groups_leave_the_27_columns_alone():
    assert build(options=ALL).select(list(COLUMNS)).equals(build())
    assert not set(COLUMNS) & {f.name for group in EXTENDED_GROUPS.values() for f in group}


class TestLag:
    """Order 3 is of 01-10 10:00, order 4 of 02-03 10:00, order 5 of 02-09 10:00."""

    def test_what_happened_in_the_hours_before_the_order_is_not_known(self):
        # The cart of u2 of 02-01 10:00 was left 48 hours before order 4.
        for hours, found in ((47, 1), (48, 0)):
            options = only("intent", lag_hours=hours)
            frame = build(options=options)
            assert values(frame, "abandoned_before")[4, "B"] == found
            assert values(frame, "carts_before")[4, "B"] == found
        assert values(build(options=only("intent", lag_hours=47)), "hours_since_open_cart")[
            4, "B"
        ] == pytest.approx(1)

    def test_days_are_counted_until_the_moment(self):
        frame = build(options=only("calendar", lag_hours=11))
        assert values(frame, "days_since_purchase_variant_id")[5, "A"] == 29
        assert values(frame, "day_of_month")[5, "A"] == 8
        assert values(frame, "hour_of_day")[5, "A"] == 23

    def test_popularity_is_that_of_the_moment_s_day(self):
        # Order 4 of 02-03 is not yet before the day 02-03, in the 14 days before 02-04 it is.
        found = [
            values(build(options=FeatureOptions(lag_hours=hours)), "global_popularity")[5, "B"]
            for hours in (5 * 24, 6 * 24)
        ]
        assert found == [1, 0]

    def test_orders_of_the_hours_before_are_not_counted(self):
        raw = read_raw_tables(FeatureOptions(), **raw_tables())
        found = {}
        for hours in (0, 30 * 24, 31 * 24):
            points = repeat_orders(raw, hours)
            known = known_orders(raw, points).join(points, "order_id").to_pandas()
            at_five = known.set_index("order_id").loc[5]
            found[hours] = at_five[["known_orders", "user_order_seq"]].tolist()
        # Order 3 was made 30 days before order 5, to the second.
        assert found == {0: [2, 3], 30 * 24: [1, 2], 31 * 24: [1, 2]}

    def test_the_rows_name_the_order_s_own_time(self):
        frame = build(options=FeatureOptions(lag_hours=24))
        assert set(zip(frame["created_at"].to_pylist(), frame["order_id"].to_pylist(), strict=True))
        whole = values(build(), "created_at")
        assert values(frame, "created_at").items() <= whole.items()
        assert values(frame, "outcome")[3, "A"] == 1


def test_orders_before_the_first_day_are_history_only():
    options = FeatureOptions(first_order_date="2021-02-09")
    raw = read_raw_tables(options, **raw_tables())
    frame = ibis.memtable(build_feature_frame(raw, options).to_pyarrow())
    whole = ibis.memtable(build())
    assert frame.to_pyarrow().equals(whole.filter(whole.order_id == 5).to_pyarrow())
