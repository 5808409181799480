from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from push_propensity.simulation import RawTables, SimulationOptions, simulate_shop
from tests.simulation.small_shop import small_options

TIME = "datetime64[us]"
SCHEMAS = {
    "orders": {
        "id": "int64",
        "user_id": "int64",
        "created_at": TIME,
        "order_date": TIME,
        "user_order_seq": "int64",
        "ordered_items": "object",
    },
    "users": {
        "user_id": "int64",
        "user_segment": "str",
        "user_nuts1": "str",
        "first_ordered_at": "str",
        "customer_cohort_month": "str",
        "count_people": "float64",
        "count_adults": "float64",
        "count_children": "float64",
        "count_babies": "float64",
        "count_pets": "float64",
    },
    "inventory": {
        "variant_id": "int64",
        "price": "float64",
        "compare_at_price": "float64",
        "vendor": "str",
        "product_type": "str",
        "tags": "object",
    },
    "regulars": {
        "user_id": "int64",
        "variant_id": "int64",
        "created_at": TIME,
        "snoozed_at": TIME,
        "snoozed_until": TIME,
    },
    "abandoned_carts": {
        "id": "int64",
        "user_id": "int64",
        "created_at": TIME,
        "variant_id": "object",
    },
}


def assert_same(one: RawTables, other: RawTables) -> None:
    for left, right in zip(one, other, strict=True):
        assert_frame_equal(left, right)


def assert_consistent(tables: RawTables, options: SimulationOptions) -> None:
    """Everything that must hold in any shop."""
    orders, users, inventory, regulars, carts = tables
    assert len(users) == options.users.users
    assert len(inventory) == options.catalogue.products
    for table, key in ((orders, "id"), (users, "user_id"), (inventory, "variant_id")):
        assert table[key].is_unique
    assert carts["id"].is_unique
    by_user = orders.groupby("user_id")
    assert by_user["created_at"].apply(lambda t: t.is_monotonic_increasing and t.is_unique).all()
    assert (orders["user_order_seq"] == by_user.cumcount() + 1).all()
    assert set(orders["user_id"]) == set(users["user_id"])
    for table in (regulars, carts):
        assert set(table["user_id"]) <= set(users["user_id"])
    products = set(inventory["variant_id"])
    for items in (orders["ordered_items"], carts["variant_id"]):
        assert set(items.explode()) <= products
        assert (items.map(len) > 0).all()
    assert set(regulars["variant_id"]) <= products
    start, end = pd.Timestamp(options.start), pd.Timestamp(options.end) + timedelta(days=1)
    assert orders["created_at"].between(start, end).all()


def test_every_table_has_the_columns_and_types_of_the_shop(tables):
    for name, schema in SCHEMAS.items():
        table = getattr(tables, name)
        assert {column: str(kind) for column, kind in table.dtypes.items()} == schema, name


def test_tables_are_consistent(tables, options):
    assert_consistent(tables, options)


def test_same_options_give_the_same_tables(tables, options):
    assert_same(tables, simulate_shop(options))


def test_another_seed_gives_another_shop(tables):
    other = simulate_shop(small_options(seed=2))
    assert not tables.orders.equals(other.orders)
    assert not tables.inventory.equals(other.inventory)


def test_orders_grow_with_the_users(tables):
    more = simulate_shop(small_options(users={"users": 240}))
    assert 3 < len(more.orders) / len(tables.orders) < 5


def test_orders_come_by_time_and_day(tables):
    orders = tables.orders
    assert orders["created_at"].is_monotonic_increasing
    assert orders["id"].is_monotonic_increasing
    assert (orders["order_date"] == orders["created_at"].dt.normalize()).all()


def test_users_know_their_first_order(tables):
    first = tables.orders[tables.orders["user_order_seq"] == 1].set_index("user_id")["created_at"]
    users = tables.users.set_index("user_id")
    told = pd.to_datetime(users["first_ordered_at"])
    assert (told == first.reindex(users.index)).all()
    assert (users["customer_cohort_month"] == told.dt.strftime("%Y-%m-01 00:00:00")).all()


def test_a_household_is_known_as_a_whole_or_not_at_all():
    users = simulate_shop(small_options(users={"users": 80, "household_known": 0.5})).users
    counts = users.filter(like="count_")
    known = counts.notna()
    assert (known.all(axis=1) | ~known.any(axis=1)).all()
    assert 0.3 < known["count_adults"].mean() < 0.7
    people = counts[["count_adults", "count_children", "count_babies"]].sum(axis=1, min_count=1)
    assert counts["count_people"].equals(people)


def test_no_product_is_sold_before_its_launch():
    options = small_options(catalogue={"products": 40, "initial_share": 0.0})
    orders = simulate_shop(options).orders
    first_sale = orders.explode("ordered_items").groupby("ordered_items")["created_at"].min()
    # Only one product is there on the first day; the others are launched evenly until the end.
    assert (first_sale < "2020-05-08").sum() <= 4
    assert (first_sale > "2020-08-01").mean() > 0.4


def test_carts_before_an_order_mostly_hold_what_is_bought():
    carts = {"before_order": 1.0, "without_order": 0.0, "dropped_share": 0.3}
    tables = simulate_shop(small_options(carts=carts))
    pairs = pd.merge_asof(
        tables.abandoned_carts,
        tables.orders,
        on="created_at",
        by="user_id",
        direction="forward",
        allow_exact_matches=False,
    )
    kept = [
        np.isin(cart, order).mean()
        for cart, order in zip(pairs["variant_id"], pairs["ordered_items"], strict=True)
    ]
    assert pairs["ordered_items"].notna().all()
    assert 0.6 < np.mean(kept) < 0.8


def test_carts_without_an_order_come_after_the_last_one():
    tables = simulate_shop(small_options(carts={"before_order": 0.0, "without_order": 1.0}))
    last = tables.orders.groupby("user_id")["created_at"].max()
    left = tables.abandoned_carts.set_index("user_id")["created_at"]
    assert len(left) > 0
    assert (left > last.reindex(left.index)).all()


def test_snoozes_follow_the_setting_and_last_a_while(tables):
    snoozed = tables.regulars.dropna(subset="snoozed_at")
    assert len(snoozed) > 0
    assert (snoozed["snoozed_at"] >= snoozed["created_at"]).all()
    assert (snoozed["snoozed_until"] > snoozed["snoozed_at"]).all()
    set_once = tables.regulars[tables.regulars["snoozed_at"].isna()]
    assert not set_once.duplicated(["user_id", "variant_id"]).any()
    keys = ["user_id", "variant_id", "created_at"]
    assert len(snoozed.merge(set_once, on=keys)) == len(snoozed)


@pytest.mark.parametrize(
    ("option", "table"), [("regulars", "regulars"), ("carts", "abandoned_carts")]
)
def test_a_shop_without_regulars_or_carts_has_empty_tables_of_the_same_columns(option, table):
    none = {
        "regulars": {"users_share": 0.0},
        "carts": {"before_order": 0.0, "without_order": 0.0},
    }
    empty = getattr(simulate_shop(small_options(**{option: none[option]})), table)
    assert len(empty) == 0
    kinds = {column: str(kind) for column, kind in empty.dtypes.items()}
    assert kinds == SCHEMAS[table]


def test_the_share_of_free_products_is_free():
    tables = simulate_shop(small_options(catalogue={"products": 200, "free_share": 0.5}))
    assert 0.4 < (tables.inventory["price"] == 0).mean() < 0.6


def test_users_return_to_what_they_bought(tables):
    """Products bought before are bought again far more often than others."""
    again = others = chances = other_chances = 0
    for _, orders in tables.orders.groupby("user_id"):
        seen: set[int] = set()
        for items in orders["ordered_items"].map(set):
            again, chances = again + len(items & seen), chances + len(seen)
            others, other_chances = others + len(items - seen), other_chances + 40 - len(seen)
            seen |= items
    assert again / chances > 1.5 * others / other_chances


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    users=st.integers(1, 12),
    days=st.integers(1, 90),
    products=st.integers(1, 30),
    kinds=st.integers(1, 62),
    vendors=st.integers(1, 40),
    initial=st.floats(0, 1),
)
def test_any_small_shop_is_consistent(seed, users, days, products, kinds, vendors, initial):
    start = small_options().start
    options = small_options(
        seed=seed,
        users={"users": users, "return_alpha": 5.0, "gap_days": 5.0},
        start=start,
        end=start + timedelta(days=days),
        catalogue={
            "products": products,
            "product_types": kinds,
            "vendors": vendors,
            "initial_share": initial,
        },
    )
    tables = simulate_shop(options)
    assert_consistent(tables, options)
    assert tables.inventory["product_type"].nunique() <= kinds
    assert tables.inventory["vendor"].nunique() == min(vendors, products)
