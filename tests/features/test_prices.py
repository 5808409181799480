"""With a table of prices, a price is the last one that was known before the moment's day."""

import pytest

from tests.features.random_shop import PRICES
from tests.features.tiny_shop import INVENTORY, at, build, raw_tables, table, values

KNOWN = [
    # Order 4 is of 02-03 10:00, order 5 of 02-09 10:00.
    ("A", at("01-20 10:00"), 3.0),
    ("A", at("02-03 10:00"), 6.0),
    ("C", at("02-03 09:59"), 8.0),
    ("C", at("02-04 10:00"), 7.0),
    ("C", at("02-04 18:00"), 5.0),
    ("B", at("02-09 00:00"), 1.0),
    ("C", at("02-20 10:00"), 90.0),
]


def priced(prices=KNOWN, inventory=INVENTORY):
    tables = raw_tables(inventory=inventory) | {"prices": table(prices, PRICES)}
    return build(tables)


@pytest.fixture(scope="module")
def frame():
    return priced()


def of(frame, product, name="normalised_price"):
    found = values(frame, name)
    return [found[order, product] for order in (4, 5)]


def test_the_last_price_before_the_day_counts_and_not_one_of_the_day(frame):
    # The highest price known before 02-03 is 3, before 02-09 it is 8.
    assert of(frame, "A") == [1, 6 / 8]
    # (compare_at_price - price) / price
    assert of(frame, "A", "discount_pct") == [0, -0.5]


def test_of_the_prices_of_a_day_the_highest_counts(frame):
    # At order 4 C still costs 10: the 8 became known on the day itself.
    assert of(frame, "C") == [1, 7 / 8]
    assert of(frame, "C", "discount_pct") == pytest.approx([-1 / 10, 2 / 7])


def test_before_its_first_price_a_product_has_that_of_the_inventory(frame):
    # B costs 4, which is more than any price known before 02-03.
    assert of(frame, "B") == [1, 4 / 8]
    assert values(frame, "discount_pct")[3, "A"] == 0.5


def test_without_both_a_product_is_not_in_the_frame():
    inventory = [(*row[:1], None, *row[2:]) for row in INVENTORY]
    assert set(values(priced(inventory=inventory), "outcome")) == {
        (4, "A"),
        (5, "A"),
        (5, "C"),
    }


def test_a_price_of_nothing_is_none():
    frame = priced([("A", at("01-20 10:00"), 0.0), *KNOWN[1:]])
    assert of(frame, "A", "discount_pct") == [0.5, -0.5]


def test_later_prices_change_nothing(frame):
    assert priced([row for row in KNOWN if row[1] < at("02-09 00:00")]).equals(frame)
