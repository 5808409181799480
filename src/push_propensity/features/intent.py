"""What the user showed interest in without buying it: carts, regulars and snoozes."""

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.features.lookups import add_flag
from push_propensity.features.raw_tables import RawTables


def add_abandoned_before(rows: ir.Table, raw: RawTables) -> ir.Table:
    """Add abandoned_before: 1 if a cart left since the user's previous order holds the product.

    The cart was created after the previous order and before this one.
    """
    orders = orders_with_previous(raw)
    carts = raw.cart_items.rename(left_at="created_at")
    since_previous = orders.previous.isnull() | (carts.left_at > orders.previous)
    pairs = orders.join(
        carts, [orders.user_id == carts.user_id, carts.left_at < orders.created_at, since_previous]
    )
    return add_flag(rows, pairs, "abandoned_before")


def add_set_as_regular(rows: ir.Table, raw: RawTables) -> ir.Table:
    """Add set_as_regular: 1 if the user set the product as regular before the order."""
    orders = raw.repeat_orders
    regulars = raw.regulars.select("user_id", "variant_id", set_at="created_at")
    pairs = orders.join(
        regulars, [orders.user_id == regulars.user_id, regulars.set_at < orders.created_at]
    )
    return add_flag(rows, pairs, "set_as_regular")


def add_active_snoozed(rows: ir.Table, raw: RawTables) -> ir.Table:
    """Add active_snoozed: 1 if the user had the regular product snoozed at the order's time.

    That is from snoozed_at (exclusive) until snoozed_until (inclusive). Without these columns in
    the regulars it is 0.
    """
    if "snoozed_at" not in raw.regulars.columns:
        return rows.mutate(active_snoozed=ibis.literal(0))
    orders = raw.repeat_orders
    snoozes = raw.regulars.drop("created_at")
    active = [
        orders.user_id == snoozes.user_id,
        snoozes.snoozed_at < orders.created_at,
        snoozes.snoozed_until >= orders.created_at,
    ]
    return add_flag(rows, orders.join(snoozes, active), "active_snoozed")


def orders_with_previous(raw: RawTables) -> ir.Table:
    """Return the repeat orders with the time of the user's latest order before them.

    Orders of one user at the very same time are not before each other.
    """
    by_user = ibis.window(group_by="user_id", order_by="created_at")
    times = raw.orders.select("user_id", "created_at").distinct()
    previous = times.mutate(previous=_.created_at.lag().over(by_user))
    return raw.repeat_orders.join(previous, ["user_id", "created_at"])
