"""Every feature group against values worked out by hand from the tiny shop."""

from datetime import datetime

import pytest

from push_propensity.features import FeatureOptions
from push_propensity.features.history import days_since_purchase
from push_propensity.features.intent import abandoned_before
from push_propensity.features.listing import list_products
from push_propensity.features.points import repeat_orders
from push_propensity.features.popularity import popularity
from push_propensity.features.rhythm import days_to_buy, purchase_gaps
from push_propensity.frame.columns import COLUMNS
from tests.features.tiny_shop import (
    CARTS,
    INVENTORY,
    ORDERS,
    REGULARS,
    TIME,
    at,
    build,
    pairs,
    raw_tables,
    read,
    table,
    values,
)

ROWS = [(3, "A"), (3, "B"), (4, "A"), (4, "B"), (4, "C"), (5, "A"), (5, "B"), (5, "C")]


@pytest.fixture(scope="module")
def frame():
    return build()


def ones(frame, column):
    found = values(frame, column)
    assert set(found.values()) <= {0.0, 1.0}
    return {key for key, value in found.items() if value == 1.0}


class TestListing:
    def test_a_product_is_listed_until_30_days_after_its_latest_sale(self, frame):
        # A: its sale of 01-10 10:00 lists it at 02-09 10:00, exactly 30 days later, for the last
        # time; at 03-20 nothing is listed any more. C: its first sale is in order 3 itself.
        assert list(values(frame, "outcome")) == ROWS

    def test_one_second_later_it_is_not_listed(self):
        orders = [*ORDERS[:4], (5, "u1", at("02-09 10:00:01"), 3, ["C"])]
        assert listed(orders=orders, order=5) == ["B"]

    def test_a_shorter_window_lists_less(self):
        assert listed(FeatureOptions(listing_days=24), order=4) == ["A", "C"]

    def test_a_product_comes_back_with_its_next_sale(self):
        orders = [*ORDERS, (7, "u1", at("03-20 12:00:01"), 4, ["A"])]
        assert listed(orders=orders, order=7) == ["A"]

    def test_minimum_orders_counts_orders_before(self):
        options = FeatureOptions(minimum_orders=2)
        assert pairs(list_all(read(), options)) == [(4, "A"), (5, "A"), (5, "B")]

    def test_products_without_a_price_are_never_listed(self):
        inventory = [("A", float("nan"), 3.0, "acme", "tea"), *INVENTORY[1:]]
        rows = pairs(list_all(read(inventory=inventory)))
        assert {product for _, product in rows} == {"B", "C"}


def list_all(raw, options=FeatureOptions()):  # noqa: B008
    return list_products(raw, repeat_orders(raw), options)


def listed(options=FeatureOptions(), orders=ORDERS, *, order):  # noqa: B008
    rows = pairs(list_all(read(orders=orders), options))
    return [product for number, product in rows if number == order]


class TestHistory:
    def test_outcome(self, frame):
        assert ones(frame, "outcome") == {(3, "A"), (4, "B"), (5, "C")}

    def test_ordered_before(self, frame):
        assert ones(frame, "ordered_before") == {(3, "A"), (4, "B"), (5, "A"), (5, "C")}

    def test_days_since_purchase_of_the_product(self, frame):
        found = values(frame, "days_since_purchase_variant_id")
        assert list(found.values()) == [9, 33, 33, 29, 33, 30, 33, 30]

    def test_days_since_purchase_of_the_product_type(self, frame):
        found = values(frame, "days_since_purchase_product_type")
        assert list(found.values()) == [9, 9, 29, 29, 30, 30, 30, 30]

    def test_days_are_calendar_days(self):
        orders = [(1, "u1", at("01-01 23:59"), 1, ["A"]), (2, "u1", at("01-02 00:01"), 2, ["A"])]
        found = days_since_product(orders)
        assert values(found, "days_since_purchase_variant_id") == {(2, "A"): 1.0}

    def test_days_since_counts_from_the_latest_purchase(self):
        orders = [(n, "u1", at(f"01-0{n} 10:00"), n, ["A"]) for n in (1, 2, 5)]
        found = days_since_product(orders)
        assert values(found, "days_since_purchase_variant_id") == {(2, "A"): 1.0, (5, "A"): 3.0}


def days_since_product(orders):
    raw = read(orders=orders)
    return days_since_purchase(raw, repeat_orders(raw), "variant_id").to_pyarrow()


class TestIntent:
    def test_carts_count_between_the_previous_order_and_this_one(self, frame):
        # Carts at the very time of an order belong to neither side.
        assert ones(frame, "abandoned_before") == {(3, "A"), (4, "B"), (4, "C")}

    def test_without_a_known_previous_order_every_earlier_cart_counts(self):
        orders = [ORDERS[0], (9, "u2", at("01-20 10:00"), 2, ["A"])]
        carts = [("u2", at("01-02 10:00"), ["A"])]
        raw = read(orders=orders, carts=carts)
        assert pairs(abandoned_before(raw, repeat_orders(raw), raw.cart_items)) == [(9, "A")]

    def test_set_as_regular_needs_to_be_set_before(self, frame):
        assert ones(frame, "set_as_regular") == {(3, "A"), (5, "A")}

    def test_nothing_is_snoozed_without_a_source(self, frame):
        assert ones(frame, "active_snoozed") == set()

    def test_snoozed_from_its_start_until_its_end(self):
        schema = {"user_id": "string", "variant_id": "string"}
        schema |= dict.fromkeys(("created_at", "snoozed_at", "snoozed_until"), TIME)
        rows = [
            ("u1", "A", at("01-05 10:00"), at("01-20 10:00"), at("02-09 10:00")),
            ("u1", "B", at("01-05 10:00"), at("01-20 10:00"), at("02-09 09:59")),
            ("u1", "C", at("01-05 10:00"), at("02-09 10:00"), at("03-09 10:00")),
            ("u2", "A", at("01-05 10:00"), None, None),
        ]
        frame = build(raw_tables() | {"regulars": table(rows, schema)})
        assert ones(frame, "active_snoozed") == {(5, "A")}
        assert ones(frame, "set_as_regular") >= {(4, "A"), (5, "B"), (5, "C")}


class TestPopularity:
    def test_share_of_the_orders_of_the_14_days_before(self, frame):
        # Order 3: orders 1 and 2. Order 4: none in 01-20 ... 02-02. Order 5: order 4.
        found = values(frame, "global_popularity")
        assert list(found.values()) == [0.5, 0.5, 0, 0, 0, 0, 1, 0]

    def test_the_day_itself_and_older_days_do_not_count(self):
        orders = [
            (1, "u1", at("01-01 00:00"), 1, ["A"]),
            (2, "u2", at("01-03 23:59"), 1, ["A", "B"]),
            (3, "u2", at("01-04 00:01"), 2, ["A"]),
        ]
        rows = popularity(read(orders=orders), days=3).to_pyarrow().to_pylist()
        first = (at("01-01 00:00") - datetime(1970, 1, 1)).days
        found = {
            (row["day"] - first + 1, row["variant_id"]): row["global_popularity"] for row in rows
        }
        assert found == {
            (2, "A"): 1.0,
            (3, "A"): 1.0,
            (4, "A"): 1.0,
            (4, "B"): 0.5,
            (5, "A"): 1.0,
            (5, "B"): 0.5,
            (6, "A"): 1.0,
            (6, "B"): 0.5,
            (7, "A"): 1.0,
        }


class TestProduct:
    def test_normalised_price(self, frame):
        found = values(frame, "normalised_price")
        assert [found[4, product] for product in "ABC"] == [0.2, 0.4, 1.0]

    def test_discount(self, frame):
        found = values(frame, "discount_pct")
        assert [found[4, product] for product in "ABC"] == pytest.approx([0.5, 0.0, -0.1])

    def test_categories(self, frame):
        assert [values(frame, "vendor")[4, p] for p in "ABC"] == ["acme", "unknown", "corp"]
        assert [values(frame, "product_type")[4, p] for p in "ABC"] == ["tea", "tea", "soap"]

    def test_a_missing_type_is_a_category(self):
        inventory = [("A", 2.0, 3.0, None, None), *INVENTORY[1:]]
        assert values(build(raw_tables(inventory=inventory)), "product_type")[3, "A"] == "unknown"


class TestHousehold:
    @pytest.mark.parametrize(
        ("column", "of_u1", "of_u2"),
        [
            ("count_adults", 1.0, 2.0),
            ("count_children", 2.0, 0.0),
            ("count_babies", 0.0, 0.0),
            ("count_pets", 0.0, 0.0),
            ("people_ex_baby", 3.0, 2.0),
        ],
    )
    def test_counts_and_defaults(self, frame, column, of_u1, of_u2):
        found = values(frame, column)
        assert found[3, "A"] == of_u1
        assert found[4, "A"] == of_u2


class TestRhythm:
    #  u1 buys A on days 1, 3, 9 and 20 of January and on 2 February: gaps 2, 6, 11, 13.
    #  u2 buys B and A (both tea) on 4, 4 and 10 January: tea gaps 0, 6; A gap 6.
    ORDERS = (
        (1, "u1", at("01-01 10:00"), 1, ["A"]),
        (2, "u1", at("01-03 10:00"), 2, ["A", "A"]),
        (3, "u2", at("01-04 08:00"), 1, ["B"]),
        (4, "u2", at("01-04 10:00"), 2, ["A"]),
        (5, "u1", at("01-09 10:00"), 3, ["A"]),
        (6, "u2", at("01-10 10:00"), 3, ["A", "B"]),
        (7, "u1", at("01-20 10:00"), 4, ["A"]),
        (8, "u1", at("02-02 10:00"), 5, ["A"]),
        (9, "u2", at("02-10 10:00"), 4, ["B"]),
    )

    @pytest.fixture
    def raw(self):
        return read(orders=self.ORDERS)

    @pytest.mark.parametrize(
        ("key", "thing", "gaps"),
        [
            ("variant_id", "A", [2, 6, 6, 11, 13]),
            ("variant_id", "B", [6, 31]),
            ("product_type", "tea", [0, 2, 6, 6, 11, 13, 31]),
        ],
    )
    def test_gaps_of_each_user(self, raw, key, thing, gaps):
        found = purchase_gaps(raw, key).to_pyarrow().to_pylist()
        assert sorted(row["gap"] for row in found if row[key] == thing) == gaps

    def test_median_and_sample_deviation_of_the_gaps_before_the_month(self, raw):
        [row] = [
            row
            for row in days_to_buy(raw, repeat_orders(raw), "variant_id", 2)
            .to_pyarrow()
            .to_pylist()
            if row["variant_id"] == "A"
        ]
        # 2, 6, 6 and 11: mean 6.25, squared deviations 18.0625 + 2 * 0.0625 + 22.5625 = 40.75.
        assert row["avg_days_to_buy_variant_id"] == 6.0
        assert row["std_days_to_buy_variant_id"] == pytest.approx((40.75 / 3) ** 0.5)

    def test_the_frame_takes_the_gaps_before_the_month_or_the_defaults(self):
        frame = build(raw_tables(self.ORDERS), FeatureOptions(minimum_gaps=5))
        product = values(frame, "avg_days_to_buy_variant_id")
        product_type = values(frame, "avg_days_to_buy_product_type")
        # Of A, 4 gaps ended before February; of tea, 5 (0, 2, 6, 6 and 11).
        assert (product[9, "A"], product_type[9, "A"]) == (34.0, 6.0)
        assert (product[7, "A"], product_type[7, "A"]) == (34.0, 34.0)
        assert values(frame, "std_days_to_buy_variant_id")[9, "A"] == 27.693045

    def test_gaps_that_ended_in_the_month_itself_do_not_count(self, raw):
        found = days_to_buy(raw, repeat_orders(raw), "variant_id", 2).to_pyarrow().to_pylist()
        february = (at("02-01 00:00") - datetime(1970, 1, 1)).days
        assert {(row["month"], row["variant_id"]) for row in found} == {(february, "A")}


class TestFrame:
    def test_columns_and_their_order(self, frame):
        assert tuple(frame.column_names) == COLUMNS

    def test_types(self, frame):
        types = {field.name: str(field.type) for field in frame.schema}
        counted = {"order_id": "int64", "user_order_seq": "int64"}
        timed = dict.fromkeys(("created_at", "order_date"), "timestamp[us]")
        texts = dict.fromkeys(("variant_id", "user_id", "product_type", "vendor"), "string")
        floats = dict.fromkeys(set(COLUMNS) - {*counted, *timed, *texts}, "double")
        assert types == counted | timed | texts | floats

    def test_nothing_is_missing(self, frame):
        assert sum(column.null_count for column in frame.columns) == 0

    def test_order_date_is_the_day_of_created_at(self, frame):
        assert set(values(frame, "order_date").values()) == {
            at("01-10 00:00"),
            at("02-03 00:00"),
            at("02-09 00:00"),
        }

    def test_whole_number_ids_give_the_same_frame(self, frame):
        numbers = {name: number for number, name in enumerate(["u1", "u2", *"ABCDEF"])}
        built = build(raw_tables(key=numbers.__getitem__))
        assert str(built.schema.field("user_id").type) == "int64"
        ids = ["user_id", "variant_id"]
        assert built.drop_columns(ids).equals(frame.drop_columns(ids))
        assert built["variant_id"].to_pylist() == [
            numbers[name] for name in frame["variant_id"].to_pylist()
        ]

    def test_doubled_rows_and_items_change_nothing(self, frame):
        orders = [(*order[:4], order[4] * 2) for order in ORDERS]
        doubled = raw_tables(orders, regulars=REGULARS * 2, carts=CARTS * 2)
        assert build(doubled).equals(frame)

    def test_the_order_of_the_raw_rows_does_not_matter(self, frame):
        shuffled = raw_tables(ORDERS[::-1], INVENTORY[::-1], regulars=REGULARS[::-1])
        assert build(shuffled).equals(frame)
