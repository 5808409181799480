"""The raw tables that come out."""

from collections import Counter

import ibis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from push_propensity.features import FeatureOptions, read_raw_tables
from push_propensity.features.raw_checks import check_raw_tables
from tests.ingestion.small_shop import (
    LINES,
    PRODUCT_COLUMNS,
    PRODUCTS,
    at,
    ingest,
    line,
    options,
    taken_in,
    text_table,
)

NAMED = {"vendor": "vendor", "product_type": "product_type"}


def test_orders():
    assert taken_in()["orders"] == [
        {
            "id": "o1",
            "user_id": "u1",
            "created_at": at("2024-01-01 10:00"),
            "user_order_seq": 1,
            "ordered_items": ["soap", "tea"],
        },
        {
            "id": "o2",
            "user_id": "u2",
            "created_at": at("2024-01-02 09:00"),
            "user_order_seq": 1,
            "ordered_items": ["tea"],
        },
        {
            "id": "o3",
            "user_id": "u1",
            "created_at": at("2024-01-05 18:30"),
            "user_order_seq": 2,
            "ordered_items": ["rice"],
        },
        {
            "id": "o4",
            "user_id": "u1",
            "created_at": at("2024-01-05 20:00"),
            "user_order_seq": 3,
            "ordered_items": ["tea"],
        },
    ]


def test_orders_of_one_day_become_one():
    other = line(order="o5", user="u2", time="2024-01-05 18:40:00")
    made = ingest([*LINES, other], chosen=options(merge_orders="same_day"))
    last = [row for row in made["orders"] if row["created_at"] >= at("2024-01-05")]
    assert [(row["id"], row["user_order_seq"], row["ordered_items"]) for row in last] == [
        ("o3", 2, ["rice", "tea"]),
        ("o5", 2, ["tea"]),
    ]
    assert last[0]["created_at"] == at("2024-01-05 18:30")
    assert made["report"]["orders"] == {
        "in_lines": 5,
        "merging": "same_day",
        "rows": 4,
        "first_day": "2024-01-01",
        "last_day": "2024-01-05",
    }


def test_prices_keep_the_time_of_their_line():
    cheaper = line(order="o5", user="u3", time="2024-01-02 09:00:00", price="2")
    free = line(order="o6", user="u3", time="2024-01-03 09:00:00", price="0")
    found = ingest([*LINES, cheaper, free])["prices"]
    tea = [(row["created_at"], row["price"]) for row in found if row["variant_id"] == "tea"]
    assert tea == [
        (at("2024-01-01 10:00"), 2.5),
        (at("2024-01-02 09:00"), 2.75),
        (at("2024-01-05 20:00"), 2.5),
    ]
    assert "rice" not in {row["variant_id"] for row in found}


def test_without_prices_there_are_no_rows_of_them():
    made = ingest(chosen=options(columns={}))
    assert made["prices"] == []
    assert set(made["inventory"][0]) == {"variant_id", "vendor", "product_type"}


def test_the_inventory_holds_what_was_sold_and_what_is_listed():
    products = text_table([*PRODUCTS, ("tea", "zzz", "zzz", "9"), (None, "x", "y", "1")],
                          PRODUCT_COLUMNS)  # fmt: skip
    made = ingest(products=products, chosen=options(product_columns=NAMED | {"price": "price"}))
    assert {row["variant_id"]: row for row in made["inventory"]} == {
        name: {"variant_id": name, "price": price, "vendor": vendor, "product_type": kind}
        for name, price, vendor, kind in [
            ("rice", None, None, None),
            ("salt", None, "corp", "spices"),
            ("soap", None, None, None),
            ("tea", 3.0, "acme", "drinks"),
        ]
    }
    assert made["report"]["products_table"] == {"rows": 4, "without_id": 1, "doubled": 1}


def test_names_are_those_of_the_products_table():
    products = text_table(
        [("tea", " Green Tea "), ("salt", " ")], columns=("variant_id", "description")
    )
    made = ingest(products=products, chosen=options(product_columns={"name": "description"}))
    assert {row["variant_id"]: row["name"] for row in made["inventory"]} == {
        "rice": None,
        "salt": None,
        "soap": None,
        "tea": "Green Tea",
    }
    raw = {name: made["tables"][name] for name in ("orders", "inventory")}
    found = read_raw_tables(FeatureOptions(), **raw).names.to_pyarrow().to_pylist()
    assert found == [{"variant_id": "tea", "name": "Green Tea"}]


def test_lines_say_what_products_do_not():
    columns = ("order_id", "user_id", "created_at", "variant_id", "vendor")
    lines = [
        ("o1", "u1", "2024-01-01", "tea", "old"),
        ("o2", "u1", "2024-01-02", "tea", "new"),
        ("o3", "u1", "2024-01-03", "tea", None),
        ("o3", "u1", "2024-01-03", "salt", "lines"),
    ]
    made = ingest(
        text_table(lines, columns),
        text_table(PRODUCTS, PRODUCT_COLUMNS),
        chosen=options(columns={"vendor": "vendor"}, product_columns={"vendor": "vendor"}),
    )
    assert [(row["variant_id"], row["vendor"]) for row in made["inventory"]] == [
        ("salt", "corp"),
        ("tea", "acme"),
    ]
    alone = ingest(text_table(lines, columns), chosen=options(columns={"vendor": "vendor"}))
    assert [(row["variant_id"], row["vendor"]) for row in alone["inventory"]] == [
        ("salt", "lines"),
        ("tea", "new"),
    ]


def test_feature_engineering_takes_the_tables():
    tables = taken_in()["tables"]
    raw = {name: tables[name] for name in ("orders", "inventory", "prices")}
    assert set(check_raw_tables(raw)) >= {"orders", "inventory", "prices"}
    lines = ibis.memtable(tables["lines"].to_pyarrow())
    assert lines.schema()["created_at"].is_timestamp()


moments = st.integers(0, 5 * 24).map(lambda h: f"2024-01-{1 + h // 24:02d} {h % 24:02d}:00:00")
lines_of_a_shop = st.lists(
    st.tuples(st.integers(0, 8), moments, st.sampled_from("abc")), min_size=1, max_size=60
).map(lambda rows: [line(f"o{n}", f"u{n % 3}", time, product) for n, time, product in rows])


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lines_of_a_shop, st.sampled_from(["none", "same_day"]))
def test_orders_count_up_and_hold_each_product_once(lines, merge):
    made = ingest(lines, chosen=options(merge_orders=merge))
    history = {}
    for order in made["orders"]:
        history.setdefault(order["user_id"], []).append(order)
        assert order["ordered_items"] == sorted(set(order["ordered_items"]))
    for orders in history.values():
        assert [order["user_order_seq"] for order in orders] == list(range(1, len(orders) + 1))
        days = Counter(order["created_at"].date() for order in orders)
        assert merge == "none" or set(days.values()) == {1}
    bought = {(row["user_id"], row["variant_id"]) for row in made["lines"]}
    assert bought == {
        (order["user_id"], item) for order in made["orders"] for item in order["ordered_items"]
    }
