"""The five raw tables, checked and brought to the columns that the features read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.features.raw_checks import HOUSEHOLD_COUNTS, SNOOZE_COLUMNS, check_raw_tables


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
            at least the columns of `raw_checks.COLUMNS`; further columns are ignored.
        unknown_category: What stands for a missing or empty product type or vendor.
        first_order_date: The first day whose orders the frame holds; None: every day.

    Raises:
        DataError: The tables cannot be used; see `raw_checks.check_raw_tables`.
    """
    check_raw_tables(tables)
    return RawTables(
        orders=_orders(tables["orders"]),
        purchases=_purchases(tables["orders"]),
        users=_users(tables["users"]),
        inventory=_inventory(tables["inventory"], unknown_category),
        regulars=_regulars(tables["regulars"]),
        cart_items=_cart_items(tables["abandoned_carts"]),
        first_order_date=first_order_date,
    )


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
    times = [name for name in ("created_at", *SNOOZE_COLUMNS) if name in regulars.columns]
    return regulars.select(
        "user_id", "variant_id", **{name: _time(regulars[name]) for name in times}
    )


def _cart_items(carts: ir.Table) -> ir.Table:
    items = carts.select("user_id", "created_at", variant_id=_.variant_id.unnest())
    return items.mutate(created_at=_time(_.created_at)).filter(_.variant_id.notnull())
