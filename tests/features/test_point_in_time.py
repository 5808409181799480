"""What happens at or after an order's time never changes its features."""

import random
from datetime import timedelta

import ibis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from push_propensity.features import FeatureOptions, build_feature_frame, read_raw_tables
from tests.features.tiny_shop import INVENTORY, at, raw_tables

START = at("01-20 00:00")
PRODUCTS = "ABCD"
USERS = ("u1", "u2", "u3")
OPTIONS = FeatureOptions(listing_days=6, popularity_days=3, minimum_gaps=2)


def moment(source):
    """A time within three weeks, on a grid so coarse that times coincide."""
    return START + timedelta(hours=6 * source.randrange(80))


def basket(source):
    return source.choices(PRODUCTS, k=source.randrange(4))


def history(source):
    """Orders, regulars and carts, drawn from the random source."""
    times = sorted((moment(source), user) for user in USERS for _ in range(6))
    seen = dict.fromkeys(USERS, 0)
    orders = []
    for number, (time, user) in enumerate(times):
        seen[user] += 1
        orders.append((number, user, time, seen[user], basket(source)))
    regulars = [(source.choice(USERS), source.choice(PRODUCTS), moment(source)) for _ in range(6)]
    carts = [(source.choice(USERS), moment(source), basket(source)) for _ in range(12)]
    return orders, regulars, carts


def rewritten(orders, regulars, carts, cut, source):
    """The same until `cut`; from then on, others. Orders at `cut` stay, with other items.

    At `cut` itself every user leaves every product in a cart and sets it as regular.
    """
    kept = [order for order in orders if order[2] < cut]
    kept += [(*order[:4], basket(source)) for order in orders if order[2] == cut]
    later, later_regulars, later_carts = history(source)
    later_regulars += [(user, product, cut) for user in USERS for product in PRODUCTS]
    later_carts += [(user, cut, list(PRODUCTS)) for user in USERS]
    kept += [(1000 + order[0], *order[1:]) for order in later if order[2] > cut]
    return (
        kept,
        [row for row in regulars if row[2] < cut] + [r for r in later_regulars if r[2] >= cut],
        [row for row in carts if row[1] < cut] + [r for r in later_carts if r[1] >= cut],
    )


@pytest.fixture(scope="module")
def build_again():
    """Build the frame of other rows; the query is compiled once."""
    connection = ibis.duckdb.connect()
    tables = store(connection, *history(random.Random(0)))
    raw = read_raw_tables(tables, OPTIONS)
    query = ibis.to_sql(build_feature_frame(raw, OPTIONS))

    def again(*changed):
        store(connection, *changed)
        return connection.con.execute(query).to_arrow_table().to_pylist()

    return again


def store(connection, orders, regulars, carts):
    tables = raw_tables(orders, inventory=INVENTORY, regulars=regulars, carts=carts)
    return {
        name: connection.create_table(name, table.to_pyarrow(), overwrite=True)
        for name, table in tables.items()
    }


def rows_until(cut, rows):
    """The frame's rows until `cut`; at `cut` without the outcome, which may be another."""
    until = [row for row in rows if row["created_at"] <= cut]
    return [row | {"outcome": None} if row["created_at"] == cut else row for row in until]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), position=st.integers(8, 17))
def test_the_future_does_not_reach_back(build_again, seed, position):
    source = random.Random(seed)
    past = history(source)
    cut = past[0][position][2]
    changed = rewritten(*past, cut, source)
    assert rows_until(cut, build_again(*changed)) == rows_until(cut, build_again(*past))
