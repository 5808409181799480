"""What the user bought, in this order and before it."""

import ibis.expr.types as ir
from ibis import _

from push_propensity.features.flags import flag_pairs
from push_propensity.features.raw_tables import RawTables


def outcome(raw: RawTables) -> ir.Table:
    """Return order_id, variant_id and outcome: 1 for every product that an order holds."""
    return flag_pairs(raw.purchases, "outcome")


def ordered_before(raw: RawTables) -> ir.Table:
    """Return order_id, variant_id and ordered_before: 1 if the user bought it in an earlier order.

    An earlier order is one with an earlier `created_at`.
    """
    return flag_pairs(latest_purchases(raw, "variant_id"), "ordered_before")


def days_since_purchase(raw: RawTables, key: str) -> ir.Table:
    """Return order_id, the key and days_since_purchase_<key>, in calendar days.

    From the user's latest earlier order that holds the product (key variant_id) or one of its
    type (key product_type); nothing for what the user never bought.
    """
    return latest_purchases(raw, key).select(
        "order_id", key, _.days.cast("float64").name(f"days_since_purchase_{key}")
    )


def latest_purchases(raw: RawTables, key: str) -> ir.Table:
    """Return how long ago a user last bought each product or type, seen from each repeat order.

    Returns:
        Columns order_id, the key (variant_id or product_type) and days, for what the user bought
        before the order.
    """
    orders = raw.repeat_orders.select("order_id", "user_id", now="created_at", today="day")
    purchases = purchases_by(raw, key)
    earlier = purchases.drop("order_id").join(
        orders, [purchases.user_id == orders.user_id, purchases.created_at < orders.now]
    )
    return earlier.group_by("order_id", key).aggregate(days=(_.today - _.day).min())


def purchases_by(raw: RawTables, key: str) -> ir.Table:
    """Return one row per order and what it holds: order_id, user_id, created_at, day and the key.

    The key is variant_id or product_type; several products of one type count once.
    """
    if key == "variant_id":
        return raw.purchases
    types = raw.inventory.select("variant_id", "product_type")
    return raw.purchases.join(types, "variant_id").drop("variant_id").distinct()
