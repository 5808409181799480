"""The raw tables, checked and brought to the columns that the features read."""

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.features.constants import constant
from push_propensity.features.options import FeatureOptions
from push_propensity.features.raw_checks import (
    HOUSEHOLD_COUNTS,
    SNOOZE_COLUMNS,
    check_names,
    check_raw_tables,
)


@dataclass(frozen=True)
class RawTables:
    """The raw tables as the features read them; lazy Ibis tables. None where the shop has none.

    Attributes:
        orders: One row per order: order_id, user_id, created_at, user_order_seq; position (which of
            the user's orders in the table it is, from 1), basket_size (distinct products); the day
            of `created_at` and the first day of its month, both counted from 1970-01-01.
        purchases: One row per order and product in it: order_id, user_id, created_at, day,
            position, variant_id. How many pieces were bought does not matter.
        inventory: One row per product: variant_id, price, compare_at_price, vendor, product_type.
        names: One row per product with a name: variant_id, name.
        users: One row per user: user_id and the household counts, which may be missing.
        regulars: One row per time a user set a product as regular: user_id, variant_id,
            created_at and, if the shop records them, snoozed_at and snoozed_until.
        cart_items: One row per abandoned cart and product in it: user_id, created_at, variant_id.
        prices: One row per price of a product that became known: variant_id, created_at, price.
    """

    orders: ir.Table
    purchases: ir.Table
    inventory: ir.Table
    names: ir.Table | None = None
    users: ir.Table | None = None
    regulars: ir.Table | None = None
    cart_items: ir.Table | None = None
    prices: ir.Table | None = None


def day_number(time: ir.TimestampValue) -> ir.IntegerValue:
    """Return the calendar day of a time as the number of days since 1970-01-01."""
    return time.epoch_seconds() // 86_400


def month_number(time: ir.TimestampValue) -> ir.IntegerValue:
    """Return the first day of a time's month as the number of days since 1970-01-01."""
    return day_number(time.truncate("month"))


def read_raw_tables(feature_options: FeatureOptions, **tables: ir.Table | None) -> RawTables:
    """Check the raw tables and bring them to the columns that the features read.

    Args:
        feature_options: What stands for what is missing.
        **tables: The tables `orders` and `inventory` and, where the shop has them, `users`,
            `regulars`, `abandoned_carts` and `prices`, with the columns that
            `raw_checks.check_raw_tables` asks for; further columns are ignored. None or no rows is
            the same as a table that is not there.

    Raises:
        DataError: The tables cannot be used; see `raw_checks.check_raw_tables`. Or the group text
            is asked for, and no product has a name.
    """
    found = check_raw_tables(tables)
    names = _names(found["inventory"])
    if "text" in feature_options.extended.groups:
        check_names(names)
    orders = _orders(found["orders"])
    return RawTables(
        orders=orders,
        purchases=_purchases(found["orders"], orders),
        inventory=_inventory(found["inventory"], feature_options, "prices" in found),
        names=names,
        users=_users(found["users"]) if "users" in found else None,
        regulars=_regulars(found["regulars"]) if "regulars" in found else None,
        cart_items=_cart_items(found["abandoned_carts"]) if "abandoned_carts" in found else None,
        prices=_prices(found["prices"]) if "prices" in found else None,
    )


def _time(column: ir.TimestampValue) -> ir.TimestampValue:
    return column.cast("timestamp(6)")


def _orders(orders: ir.Table) -> ir.Table:
    by_user = ibis.window(group_by="user_id", order_by=["created_at", "id"])
    timed = orders.mutate(created_at=_time(_.created_at))
    numbered = timed.mutate(position=ibis.row_number().over(by_user).cast("int64") + 1)
    if "user_order_seq" not in orders.columns:
        numbered = numbered.mutate(user_order_seq=_.position)
    # Ibis takes Spark's length for the int64 that it is not, and would drop a plain cast.
    basket_size = _.ordered_items.filter(lambda item: item.notnull()).unique().length()
    return numbered.select(
        "user_id",
        "created_at",
        "position",
        order_id=_.id,
        user_order_seq=_.user_order_seq.cast("int64"),
        basket_size=basket_size.cast("int32").cast("int64"),
        day=day_number(_.created_at),
        month=month_number(_.created_at),
    )


def _purchases(orders: ir.Table, buyers: ir.Table) -> ir.Table:
    items = orders.select(order_id=_.id, variant_id=_.ordered_items.unnest()).distinct()
    columns = buyers.select("order_id", "user_id", "created_at", "day", "position")
    return columns.join(items.filter(_.variant_id.notnull()), "order_id")


def _users(users: ir.Table) -> ir.Table:
    given = [name for name in HOUSEHOLD_COUNTS if name in users.columns]
    return users.select("user_id", **{name: _number(users[name]) for name in given})


def _inventory(inventory: ir.Table, options: FeatureOptions, has_prices: bool) -> ir.Table:
    def category(name: str) -> ir.StringValue:
        if name not in inventory.columns:
            return ibis.literal(options.unknown_category)
        return inventory[name].nullif("").fill_null(options.unknown_category)

    def price(name: str, unknown: ir.FloatingValue) -> ir.FloatingValue:
        return _number(inventory[name]) if name in inventory.columns else unknown

    nothing = ibis.null("float64")
    every_product = nothing if has_prices else constant(options.unknown_price)
    return inventory.select(
        "variant_id",
        price=price("price", every_product),
        compare_at_price=price("compare_at_price", nothing),
        vendor=category("vendor"),
        product_type=category("product_type"),
    )


def _names(inventory: ir.Table) -> ir.Table | None:
    if "name" not in inventory.columns:
        return None
    return inventory.select("variant_id", "name").filter(_.name.re_search(r"\S"))


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


def _prices(prices: ir.Table) -> ir.Table:
    known = prices.select(
        "variant_id", created_at=_time(prices.created_at), price=_number(prices.price)
    )
    return known.filter(_.price > 0)
