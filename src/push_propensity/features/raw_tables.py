"""The five raw tables, checked and brought to the columns that the features read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
from ibis import _

from push_propensity.errors import DataError

ID = "whole number or text"
IDS = "list of ids"
NUMBER = "number"
TEXT = "text"
TIME = "timestamp without time zone"

HOUSEHOLD_COUNTS = ("count_adults", "count_children", "count_babies", "count_pets")

COLUMNS: dict[str, dict[str, str]] = {
    "orders": {
        "id": ID,
        "user_id": ID,
        "created_at": TIME,
        "user_order_seq": NUMBER,
        "ordered_items": IDS,
    },
    "users": {"user_id": ID, **dict.fromkeys(HOUSEHOLD_COUNTS, NUMBER)},
    "inventory": {
        "variant_id": ID,
        "price": NUMBER,
        "compare_at_price": NUMBER,
        "vendor": TEXT,
        "product_type": TEXT,
    },
    "regulars": {"user_id": ID, "variant_id": ID, "created_at": TIME},
    "abandoned_carts": {"user_id": ID, "created_at": TIME, "variant_id": IDS},
}
SNOOZE_COLUMNS = {"snoozed_at": TIME, "snoozed_until": TIME}

_UNIQUE = {"orders": "id", "users": "user_id", "inventory": "variant_id"}
_REQUIRED = {
    "orders": ("id", "user_id", "created_at", "user_order_seq"),
    "users": ("user_id",),
    "inventory": ("variant_id",),
    "regulars": ("user_id", "variant_id", "created_at"),
    "abandoned_carts": ("user_id", "created_at"),
}
_SAME_TYPE = (
    (("orders", "user_id"), ("users", "user_id")),
    (("orders", "user_id"), ("regulars", "user_id")),
    (("orders", "user_id"), ("abandoned_carts", "user_id")),
    (("inventory", "variant_id"), ("orders", "ordered_items")),
    (("inventory", "variant_id"), ("regulars", "variant_id")),
    (("inventory", "variant_id"), ("abandoned_carts", "variant_id")),
)


@dataclass(frozen=True)
class RawTables:
    """The raw tables as the features read them; lazy Ibis tables.

    Attributes:
        orders: One row per order: order_id, user_id, created_at, user_order_seq; the day of
            `created_at` and the first day of its month, both counted from 1970-01-01.
        purchases: One row per order and product in it: order_id, user_id, created_at, day,
            variant_id. How many pieces were bought does not matter.
        users: One row per user: user_id and the household counts, which may be missing.
        inventory: One row per product: variant_id, price, compare_at_price, vendor, product_type.
        regulars: One row per time a user set a product as regular: user_id, variant_id,
            created_at and, if the shop records them, snoozed_at and snoozed_until.
        cart_items: One row per abandoned cart and product in it: user_id, created_at, variant_id.
        first_order_date: The first day whose orders the frame holds; None: every day.
    """

    orders: ir.Table
    purchases: ir.Table
    users: ir.Table
    inventory: ir.Table
    regulars: ir.Table
    cart_items: ir.Table
    first_order_date: date | None = None

    @property
    def repeat_orders(self) -> ir.Table:
        """The orders that the frame holds: all but each user's first, from the first day on."""
        repeated = self.orders.filter(_.user_order_seq >= 2)
        if self.first_order_date is None:
            return repeated
        return repeated.filter(_.day >= (self.first_order_date - date(1970, 1, 1)).days)


def day_number(time: ir.TimestampValue) -> ir.IntegerValue:
    """Return the calendar day of a time as the number of days since 1970-01-01."""
    return time.epoch_seconds() // 86_400


def read_raw_tables(
    tables: Mapping[str, ir.Table], unknown_category: str, first_order_date: date | None = None
) -> RawTables:
    """Check the raw tables and bring them to the columns that the features read.

    Args:
        tables: The tables `orders`, `users`, `inventory`, `regulars` and `abandoned_carts`, with
            at least the columns of `COLUMNS`; further columns are ignored.
        unknown_category: What stands for a missing or empty product type or vendor.
        first_order_date: The first day whose orders the frame holds; None: every day.

    Raises:
        DataError: A table lacks columns or rows, a column has the wrong type, an id is missing
            or doubled, two tables hold the same ids in different types, or no user has a second
            order.
    """
    check_columns(tables)
    check_id_types(tables)
    check_rows(tables)
    return RawTables(
        orders=_orders(tables["orders"]),
        purchases=_purchases(tables["orders"]),
        users=_users(tables["users"]),
        inventory=_inventory(tables["inventory"], unknown_category),
        regulars=_regulars(tables["regulars"]),
        cart_items=_cart_items(tables["abandoned_carts"]),
        first_order_date=first_order_date,
    )


def check_columns(tables: Mapping[str, ir.Table]) -> None:
    """Raise a DataError that lists every missing column and every column of a wrong type."""
    problems = []
    for name, columns in COLUMNS.items():
        schema = tables[name].schema()
        optional = SNOOZE_COLUMNS if name == "regulars" else {}
        known = columns | {column: kind for column, kind in optional.items() if column in schema}
        problems += [
            f"{name}.{column} ({kind}) is "
            + (f"{schema[column]}" if column in schema else "missing")
            for column, kind in known.items()
            if column not in schema or not _is_kind(schema[column], kind)
        ]
    if problems:
        raise DataError(
            "The raw tables do not have the columns they need: "
            + "; ".join(problems)
            + ". Add or convert them."
        )


def check_id_types(tables: Mapping[str, ir.Table]) -> None:
    """Raise a DataError if the same ids are numbers in one table and text in another."""
    for (left, left_column), (right, right_column) in _SAME_TYPE:
        left_type = _id_type(tables[left].schema()[left_column])
        right_type = _id_type(tables[right].schema()[right_column])
        if left_type.is_string() != right_type.is_string():
            raise DataError(
                f"{left}.{left_column} holds {left_type} ids and {right}.{right_column} holds "
                f"{right_type} ids, so they cannot be matched. Write both as the same type."
            )


def check_rows(tables: Mapping[str, ir.Table]) -> None:
    """Raise a DataError for a table without rows, missing or doubled ids, no repeat order."""
    counts = {name: _count_problems(name, tables[name]) for name in COLUMNS}
    empty = [name for name, count in counts.items() if not count["rows"]]
    if empty:
        raise DataError(
            f"The raw tables {', '.join(empty)} have no rows; each needs at least one. "
            "Check the files that the catalog points at."
        )
    problems = [
        f"{name}.{column} in {number} rows"
        for name, count in counts.items()
        for column, number in count.items()
        if column != "rows" and number
    ]
    if problems:
        raise DataError(
            "Ids and times must be there, and one id must stand for one row. Missing or doubled: "
            + "; ".join(problems)
            + ". Correct or drop these rows."
        )
    if not (tables["orders"].user_order_seq >= 2).any().to_pyarrow().as_py():
        raise DataError(
            "No order has a user_order_seq of 2 or more, so there is nothing to predict: the "
            "frame holds repeat orders only. Add the users' later orders."
        )


def _is_kind(found: dt.DataType, kind: str) -> bool:
    fits = {
        ID: found.is_integer() or found.is_string(),
        IDS: found.is_array() and (_id_type(found).is_integer() or _id_type(found).is_string()),
        NUMBER: found.is_numeric(),
        TEXT: found.is_string(),
        TIME: found.is_timestamp() and found.timezone is None,
    }
    return bool(fits[kind])


def _id_type(found: dt.DataType) -> dt.DataType:
    return found.value_type if found.is_array() else found


def _count_problems(name: str, table: ir.Table) -> dict[str, int]:
    measures = {column: table[column].isnull().sum() for column in _REQUIRED[name]}
    if name in _UNIQUE:
        column = _UNIQUE[name]
        measures[column] = table.count() - table[column].nunique()
    [counts] = table.aggregate(table.count().name("rows"), **measures).to_pyarrow().to_pylist()
    return {column: number or 0 for column, number in counts.items()}


def _time(column: ir.TimestampValue) -> ir.TimestampValue:
    return column.cast("timestamp(6)")


def _orders(orders: ir.Table) -> ir.Table:
    return orders.mutate(created_at=_time(_.created_at)).select(
        "user_id",
        "created_at",
        order_id=_.id,
        user_order_seq=_.user_order_seq.cast("int64"),
        day=day_number(_.created_at),
        month=day_number(_.created_at.truncate("month")),
    )


def _purchases(orders: ir.Table) -> ir.Table:
    items = orders.select(order_id=_.id, variant_id=_.ordered_items.unnest()).distinct()
    buyers = _orders(orders).select("order_id", "user_id", "created_at", "day")
    return buyers.join(items.filter(_.variant_id.notnull()), "order_id")


def _users(users: ir.Table) -> ir.Table:
    return users.select("user_id", **{name: _number(users[name]) for name in HOUSEHOLD_COUNTS})


def _inventory(inventory: ir.Table, unknown_category: str) -> ir.Table:
    def category(name: str) -> ir.StringValue:
        return inventory[name].nullif("").fill_null(unknown_category)

    return inventory.select(
        "variant_id",
        price=_number(inventory.price),
        compare_at_price=_number(inventory.compare_at_price),
        vendor=category("vendor"),
        product_type=category("product_type"),
    )


def _number(column: ir.NumericValue) -> ir.FloatingValue:
    number = column.cast("float64")
    return number.isnan().ifelse(ibis.null(), number)


def _regulars(regulars: ir.Table) -> ir.Table:
    snoozes = [column for column in SNOOZE_COLUMNS if column in regulars.columns]
    times = ["created_at", *(snoozes if len(snoozes) == len(SNOOZE_COLUMNS) else [])]
    return regulars.select(
        "user_id", "variant_id", **{name: _time(regulars[name]) for name in times}
    )


def _cart_items(carts: ir.Table) -> ir.Table:
    items = carts.select("user_id", "created_at", variant_id=_.variant_id.unnest())
    return items.mutate(created_at=_time(_.created_at)).filter(_.variant_id.notnull())
