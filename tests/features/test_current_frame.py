"""The current frame holds what the frame to learn from says of an order at that time."""

import random

import ibis
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from push_propensity.errors import DataError
from push_propensity.features import (
    CurrentOptions,
    FeatureOptions,
    build_current_frame,
    build_feature_frame,
    read_raw_tables,
)
from push_propensity.features.listing import choose_products
from push_propensity.frame.columns import EXTENDED_NAMES, FEATURE_NAMES, FEATURE_OF
from tests.features import random_shop
from tests.features.random_shop import OPTIONS, START, USERS, compile_query, history, number_orders
from tests.features.test_extended_features import ALL
from tests.features.tiny_shop import at, raw_tables, read
from tests.simulation.small_shop import small_tables

AS_OF = at("02-03 12:00")
PLAIN = FeatureOptions()
NAMES = (*FEATURE_NAMES, *EXTENDED_NAMES)
RANDOM_NAMES = (*FEATURE_NAMES, *random_shop.EXTENDED_NAMES)


def current(tables, as_of=AS_OF, options=OPTIONS, active_days=365):
    raw = read_raw_tables(options, **tables)
    return build_current_frame(raw, options, CurrentOptions(as_of=as_of, active_days=active_days))


def learned(tables, options=OPTIONS):
    return build_feature_frame(read_raw_tables(options, **tables), options)


@pytest.fixture(scope="module")
def queries():
    """The frame to learn from and the current one, of any history; compiled once."""
    shop = history(random.Random(0))
    return compile_query(shop, learned), compile_query(shop, current)


def with_orders_at(shop, users, source):
    """One order of each of these users is made at the moment asked for."""
    orders, *others = shop
    moved = {source.choice([o for o in orders if o[1] == user])[0] for user in users}
    timed = [(AS_OF if o[0] in moved else o[2], o[1], o[4]) for o in orders]
    return number_orders(timed), *others


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32), users=st.sets(st.sampled_from(USERS), min_size=1))
def test_it_equals_the_frame_to_learn_from(queries, seed, users):
    source = random.Random(seed)
    shop = with_orders_at(history(source), users, source)
    rows, now = (query(shop) for query in queries)
    first = {}  # of orders that a user makes at the same time, the later ones know the first
    for order in shop[0]:
        if order[2] == AS_OF:
            first.setdefault(order[1], order[0])
    asked = {order: user for user, order in first.items()}
    expected = {
        (row["user_id"], row["variant_id"]): {name: row[name] for name in RANDOM_NAMES}
        for row in rows
        if row["order_id"] in asked
    }
    found = {
        (row["user_id"], row["variant_id"]): {name: row[name] for name in RANDOM_NAMES}
        for row in now
        if row["user_id"] in {user for user, _ in expected}
    }
    assume(expected)
    assert found == expected


@pytest.mark.slow
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_values_are_within_the_bounds_of_their_definitions(queries, seed):
    shop = history(random.Random(seed))
    for rows in (query(shop) for query in queries):
        for feature in (FEATURE_OF[name] for name in RANDOM_NAMES):
            values = [row[feature.name] for row in rows]
            assert None not in values, feature.name
            if feature.kind == "number":
                low, high = min(values, default=0), max(values, default=0)
                assert not values or feature.minimum <= low <= high <= feature.maximum, feature.name


@pytest.mark.slow
@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_same_history_gives_the_same_rows(queries, seed):
    shop = history(random.Random(seed))
    shuffled = [random.Random(seed + 1).sample(rows, len(rows)) for rows in shop]
    for query in queries:
        assert query(shop) == query(shop) == query(shuffled)


@pytest.mark.slow
def test_on_a_simulated_shop():
    shop = small_tables()
    tables = {name: ibis.memtable(rows) for name, rows in shop.items()} | {"prices": None}
    rows = learned(tables, ALL).to_pandas()
    latest = rows[rows["order_id"] == rows.sort_values("created_at")["order_id"].iloc[-1]]
    as_of = latest["created_at"].iloc[0].to_pydatetime()
    now = current(tables, as_of, ALL).to_pandas()
    assert set(now["created_at"]) == {as_of}
    of_user = now[now["user_id"] == latest["user_id"].iloc[0]]
    assert len(of_user) > 5
    columns = ["user_id", "variant_id", *NAMES]
    expected = latest[columns].sort_values("variant_id", ignore_index=True)
    pd.testing.assert_frame_equal(of_user[columns].reset_index(drop=True), expected)


@pytest.mark.slow
def test_active_users_ordered_in_the_days_before():
    found = {
        days: set(current(raw_tables(), at("02-09 10:00"), PLAIN, days).to_pandas()["user_id"])
        for days in (6, 29, 30)
    }
    # u2 ordered six days before, u1 thirty days before to the second.
    assert found == {6: {"u2"}, 29: {"u2"}, 30: {"u1", "u2"}}


@pytest.mark.slow
def test_without_a_moment_it_is_right_after_the_latest_order():
    raw = read()
    now = build_current_frame(raw, ALL, CurrentOptions()).to_pandas()
    assert set(now["created_at"]) == {pd.Timestamp("2021-03-20 12:00:00.000001")}
    assert set(now["variant_id"]) == {"A"}
    assert dict(zip(now["user_id"], now["user_order_seq"], strict=True)) == {"u1": 4, "u2": 4}
    assert now.columns.tolist() == ["user_id", "variant_id", "created_at", *NAMES]


class TestChosenProducts:
    def test_only_these_are_there(self):
        chosen = CurrentOptions(as_of=at("02-09 10:00"), products=("C",))
        found = build_current_frame(read(), PLAIN, chosen).to_pandas()
        assert found[["variant_id", "user_id"]].to_numpy().tolist() == [["C", "u1"], ["C", "u2"]]

    def test_one_that_is_not_listed_is_named(self):
        chosen = CurrentOptions(as_of=at("02-09 10:00"), products=("C", "E"))
        with pytest.raises(DataError, match="No features for the products E:"):
            build_current_frame(read(), PLAIN, chosen)

    @pytest.mark.parametrize(
        ("listed", "chosen", "said"),
        [("3", 3, "are text: put them in quotes"), (3, "3", "are whole numbers")],
    )
    def test_ids_of_the_other_kind_are_told_so(self, listed, chosen, said):
        rows = ibis.memtable({"variant_id": [listed, listed]})
        with pytest.raises(DataError, match=f"No features for the products 3: .* {said}"):
            choose_products(rows, (chosen,))

    def test_a_moment_before_the_data_has_no_features(self):
        with pytest.raises(DataError, match="No product is listed for any active user"):
            build_current_frame(read(), PLAIN, CurrentOptions(as_of=START.replace(year=2019)))
