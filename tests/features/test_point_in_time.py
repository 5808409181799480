"""What happens at or after an order's time never changes its features."""

import random
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from push_propensity.features import build_feature_frame, read_raw_tables
from push_propensity.frame.columns import COLUMNS
from tests.features.random_shop import (
    EXTENDED_NAMES,
    OPTIONS,
    PRODUCTS,
    USERS,
    basket,
    compile_query,
    history,
)

OF_THE_ORDER = {"outcome": None, "basket_size": None}


def rewritten(shop, cut, source):
    """The same until `cut`; from then on, others. Orders at `cut` stay, with other items.

    At `cut` itself every user leaves every product in a cart, sets it as regular and snoozes it,
    and every product gets another price.
    """
    orders, regulars, carts, prices = shop
    kept = [order for order in orders if order[2] < cut]
    kept += [(*order[:4], basket(source)) for order in orders if order[2] == cut]
    later, later_regulars, later_carts, later_prices = history(source)
    later_regulars += [
        (user, product, cut, cut, cut + timedelta(days=9)) for user in USERS for product in PRODUCTS
    ]
    later_carts += [(user, cut, list(PRODUCTS)) for user in USERS]
    later_prices += [(product, cut, 100.0) for product in PRODUCTS]
    kept += [(1000 + order[0], *order[1:]) for order in later if order[2] > cut]
    return (
        kept,
        [_unsnoozed(row, cut) for row in regulars if row[2] < cut]
        + [row for row in later_regulars if row[2] >= cut],
        *(
            [row for row in rows if row[1] < cut] + [row for row in others if row[1] >= cut]
            for rows, others in ((carts, later_carts), (prices, later_prices))
        ),
    )


def _unsnoozed(row, cut):
    return row if row[3] is None or row[3] < cut else (*row[:3], None, None)


@pytest.fixture(scope="module")
def build_again():
    """Build the frame of other rows; the query is compiled once."""

    def build(tables):
        return build_feature_frame(read_raw_tables(OPTIONS, **tables), OPTIONS)

    return compile_query(history(random.Random(0)), build)


def rows_until(cut, rows):
    """The frame's rows until `cut`; at `cut` without what the order itself holds."""
    until = [row for row in rows if row["created_at"] <= cut]
    return [row | OF_THE_ORDER if row["created_at"] == cut else row for row in until]


@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32), position=st.integers(8, 17))
def test_the_future_does_not_reach_back(build_again, seed, position):
    source = random.Random(seed)
    shop = history(source)
    cut = shop[0][position][2]
    before = build_again(shop)
    after = build_again(rewritten(shop, cut, source))
    assert rows_until(cut, after) == rows_until(cut, before)
    assert all(set(row) == {*COLUMNS, *EXTENDED_NAMES, "basket_size"} for row in before)
