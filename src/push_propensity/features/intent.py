"""What the user showed interest in without buying it: carts, regulars and snoozes."""

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.features.flags import flag_pairs
from push_propensity.features.raw_tables import RawTables


def abandoned_before(raw: RawTables) -> ir.Table:
    """Return order_id, variant_id and abandoned_before: 1 if the user left it in a cart lately.

    The cart was created after the previous order and before this one.
    """
    orders = orders_with_previous(raw)
    carts = raw.cart_items.rename(left_at="created_at")
    since_previous = orders.previous.isnull() | (carts.left_at > orders.previous)
    pairs = orders.join(
        carts, [orders.user_id == carts.user_id, carts.left_at < orders.created_at, since_previous]
    )
    return flag_pairs(pairs, "abandoned_before")


def set_as_regular(raw: RawTables) -> ir.Table:
    """Return order_id, variant_id and set_as_regular: 1 if the user set it before the order."""
    orders = raw.repeat_orders
    regulars = raw.regulars.select("user_id", "variant_id", set_at="created_at")
    pairs = orders.join(
        regulars, [orders.user_id == regulars.user_id, regulars.set_at < orders.created_at]
    )
    return flag_pairs(pairs, "set_as_regular")


def active_snoozed(raw: RawTables) -> ir.Table:
    """Return order_id, variant_id and active_snoozed: 1 if the user had it snoozed at the time.

    That is from snoozed_at (exclusive) until snoozed_until (inclusive). Without these columns in
    the regulars nothing is snoozed.
    """
    orders = raw.repeat_orders
    if "snoozed_at" not in raw.regulars.columns:
        never = ibis.literal(False)
        return flag_pairs(orders.join(raw.inventory, never), "active_snoozed")
    snoozes = raw.regulars.drop("created_at")
    active = [
        orders.user_id == snoozes.user_id,
        snoozes.snoozed_at < orders.created_at,
        snoozes.snoozed_until >= orders.created_at,
    ]
    return flag_pairs(orders.join(snoozes, active), "active_snoozed")


def orders_with_previous(raw: RawTables) -> ir.Table:
    """Return the repeat orders with the time of the user's latest order before them.

    Orders of one user at the very same time are not before each other.
    """
    by_user = ibis.window(group_by="user_id", order_by="created_at")
    times = raw.orders.select("user_id", "created_at").distinct()
    previous = times.mutate(previous=_.created_at.lag().over(by_user))
    return raw.repeat_orders.join(previous, ["user_id", "created_at"])
