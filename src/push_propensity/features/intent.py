"""What the user showed interest in without buying it: carts, regulars and snoozes."""

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.features.constants import flag_pairs
from push_propensity.features.points import past_orders
from push_propensity.features.raw_tables import RawTables, day_number


def abandoned_before(raw: RawTables, points: ir.Table, cart_items: ir.Table) -> ir.Table:
    """Return order_id, variant_id and abandoned_before: 1 if the user left it in an open cart."""
    return flag_pairs(open_carts(raw, points, cart_items), "abandoned_before")


def open_cart(raw: RawTables, points: ir.Table, cart_items: ir.Table) -> ir.Table:
    """Return what a user's latest open cart says about all products.

    Returns:
        Columns order_id, hours_since_open_cart (since the user left it) and open_cart_size (the
        distinct products in it).
    """
    latest = ibis.window(group_by="order_id")
    left = open_carts(raw, points, cart_items).mutate(latest=_.left_at.max().over(latest))
    items = left.filter(_.left_at == _.latest)
    seconds = _.moment.epoch_seconds() - _.latest.epoch_seconds()
    return items.group_by("order_id").aggregate(
        hours_since_open_cart=seconds.max() / 3600, open_cart_size=_.variant_id.nunique()
    )


def open_carts(raw: RawTables, points: ir.Table, cart_items: ir.Table) -> ir.Table:
    """Return past carts that no order followed: left after the user's latest order.

    Returns:
        The columns of `past_carts`.
    """
    earlier = past_orders(raw, points)
    latest = earlier.group_by("order_id").aggregate(ordered_at=_.ordered_at.max())
    left = past_carts(points, cart_items).left_join(latest, "order_id").drop("order_id_right")
    is_open = _.ordered_at.isnull() | (_.left_at > _.ordered_at)
    return left.filter(is_open).drop("ordered_at")


def cart_history(points: ir.Table, cart_items: ir.Table) -> ir.Table:
    """Return the carts that the user left with a product before the moment.

    Returns:
        Columns order_id, variant_id, days_since_cart (calendar days since the latest of them) and
        carts_before (how many).
    """
    left = past_carts(points, cart_items)
    return left.group_by("order_id", "variant_id").aggregate(
        days_since_cart=(_.day - day_number(_.left_at)).min(), carts_before=_.left_at.nunique()
    )


def past_carts(points: ir.Table, cart_items: ir.Table) -> ir.Table:
    """Return the columns of the points, variant_id and left_at, for carts before the moment."""
    carts = cart_items.select("variant_id", cart_user="user_id", left_at="created_at")
    return points.join(
        carts, [points.user_id == carts.cart_user, carts.left_at < points.moment]
    ).drop("cart_user")


def set_as_regular(points: ir.Table, regulars: ir.Table) -> ir.Table:
    """Return order_id, variant_id and set_as_regular: 1 if the user set it before the moment."""
    return flag_pairs(past_regulars(points, regulars), "set_as_regular")


def regular_age(points: ir.Table, regulars: ir.Table) -> ir.Table:
    """Return order_id, variant_id and days_since_regular, since the user last set it."""
    return (
        past_regulars(points, regulars)
        .group_by("order_id", "variant_id")
        .aggregate(days_since_regular=(_.day - day_number(_.set_at)).min())
    )


def past_regulars(points: ir.Table, regulars: ir.Table) -> ir.Table:
    """Return the columns of the points, variant_id and set_at, for what was set before."""
    times = regulars.select("variant_id", setter="user_id", set_at="created_at")
    return points.join(times, [points.user_id == times.setter, times.set_at < points.moment]).drop(
        "setter"
    )


def active_snoozed(points: ir.Table, regulars: ir.Table) -> ir.Table:
    """Return order_id, variant_id and active_snoozed: 1 if the user had it snoozed at the moment.

    That is from snoozed_at (exclusive) until snoozed_until (inclusive).
    """
    snoozes = regulars.select("variant_id", "snoozed_at", "snoozed_until", sleeper="user_id")
    active = [
        points.user_id == snoozes.sleeper,
        snoozes.snoozed_at < points.moment,
        snoozes.snoozed_until >= points.moment,
    ]
    return flag_pairs(points.join(snoozes, active), "active_snoozed")
