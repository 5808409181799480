"""A tiny shop, small enough to work its features out by hand."""

from datetime import datetime
from functools import cache

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from push_propensity.features import FeatureOptions, build_feature_frame, read_raw_tables

OPTIONS = FeatureOptions()
TIME = pa.timestamp("us")


def at(text: str) -> datetime:
    """A time of the year 2021: "01-31 10:00"."""
    return datetime.fromisoformat(f"2021-{text}")


ORDERS = [
    # id, user, created_at, user_order_seq, ordered_items
    (1, "u1", at("01-01 10:00"), 1, ["A", "A", "D", "F"]),
    (2, "u2", at("01-05 09:00"), 1, ["B"]),
    (3, "u1", at("01-10 10:00"), 2, ["A", "C"]),
    (4, "u2", at("02-03 10:00"), 2, ["B"]),
    (5, "u1", at("02-09 10:00"), 3, ["C"]),
    (6, "u2", at("03-20 12:00"), 3, ["A"]),
]
INVENTORY = [
    # product, price, compare_at_price, vendor, product_type
    ("A", 2.0, 3.0, "acme", "tea"),
    ("B", 4.0, None, "", "tea"),
    ("C", 10.0, 9.0, "corp", "soap"),
    ("D", 0.0, 1.0, "corp", "soap"),
    ("E", 5.0, 5.0, "corp", "soap"),
]
NAMES = {"A": "Green tea", "B": " green  TEA ", "C": "Soap", "D": "soap", "E": ""}
USERS = [
    # user, adults, children, babies, pets
    ("u1", 1.0, 2.0, None, float("nan")),
]
REGULARS = [
    # user, product, created_at
    ("u1", "A", at("01-05 10:00")),
    ("u1", "A", at("01-04 10:00")),
    ("u2", "C", at("02-03 10:00")),
]
CARTS = [
    # user, created_at, products
    ("u1", at("01-01 10:00"), ["B"]),
    ("u1", at("01-03 10:00"), ["A", "A"]),
    ("u1", at("02-09 10:00"), ["A"]),
    ("u2", at("02-01 10:00"), ["C", "B"]),
]


def raw_tables(
    orders=ORDERS,
    inventory=INVENTORY,
    users=USERS,
    regulars=REGULARS,
    carts=CARTS,
    key=str,
    names=NAMES,
) -> dict[str, ir.Table]:
    """The five raw tables; `key` makes the ids of users and products, text or whole numbers."""
    ids = pa.string() if key is str else pa.int64()
    baskets = pa.list_(ids)
    counts = ("count_adults", "count_children", "count_babies", "count_pets")
    schemas = {
        "orders": (
            orders,
            {
                "id": pa.int64(),
                "user_id": ids,
                "created_at": TIME,
                "user_order_seq": pa.int64(),
                "ordered_items": baskets,
            },
        ),
        "inventory": (
            [(*row, names.get(row[0])) for row in inventory],
            {
                "variant_id": ids,
                "price": pa.float64(),
                "compare_at_price": pa.float64(),
                "vendor": pa.string(),
                "product_type": pa.string(),
                "name": pa.string(),
            },
        ),
        "users": (users, {"user_id": ids, **dict.fromkeys(counts, pa.float64())}),
        "regulars": (regulars, {"user_id": ids, "variant_id": ids, "created_at": TIME}),
        "abandoned_carts": (carts, {"user_id": ids, "created_at": TIME, "variant_id": baskets}),
    }
    named = {"user_id", "variant_id", "ordered_items"}
    return {
        name: table(
            [
                [
                    _ids(cell, key) if column in named else cell
                    for column, cell in zip(schema, row, strict=True)
                ]
                for row in rows
            ],
            schema,
        )
        for name, (rows, schema) in schemas.items()
    }


def table(rows, schema) -> ir.Table:
    """A table of these rows, which may be none."""
    columns = list(zip(*rows, strict=True)) or [[]] * len(schema)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, schema.values(), strict=True)]
    return ibis.memtable(pa.table(arrays, names=list(schema)))


def _ids(value, key):
    return [key(item) for item in value] if isinstance(value, list) else key(value)


def read(**rows):
    """The tiny shop as the features read it, with some tables replaced."""
    return read_raw_tables(OPTIONS, **raw_tables(**rows))


def build(tables=None, options=OPTIONS):
    """The built frame of these tables, or of the tiny shop's, as an Arrow table."""
    return _build_once(options) if tables is None else _build(tables, options)


def _build(tables, options):
    return build_feature_frame(read_raw_tables(options, **tables), options).to_pyarrow()


@cache
def _build_once(options):
    return _build(raw_tables(), options)


def pairs(table):
    """The (order, product) pairs of a table, sorted."""
    rows = table.select("order_id", "variant_id").to_pyarrow().to_pylist()
    return sorted((row["order_id"], row["variant_id"]) for row in rows)


def values(frame, column):
    """{(order, product): value of the column}."""
    keys = zip(frame["order_id"].to_pylist(), frame["variant_id"].to_pylist(), strict=True)
    return dict(zip(keys, frame[column].to_pylist(), strict=True))
