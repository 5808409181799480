"""What the user bought, in this order and before it."""

import ibis.expr.types as ir
from ibis import _

from push_propensity.features.lookups import add_flag, add_values
from push_propensity.features.options import FeatureOptions
from push_propensity.features.raw_tables import RawTables


def add_outcome(rows: ir.Table, raw: RawTables) -> ir.Table:
    """Add outcome: 1 if the order holds the product."""
    return add_flag(rows, raw.purchases, "outcome")


def add_ordered_before(rows: ir.Table, raw: RawTables) -> ir.Table:
    """Add ordered_before: 1 if an earlier order of the user holds the product."""
    return add_flag(rows, latest_purchases(raw, "variant_id"), "ordered_before")


def add_days_since_purchase(rows: ir.Table, raw: RawTables, options: FeatureOptions) -> ir.Table:
    """Add days_since_purchase_variant_id and days_since_purchase_product_type.

    Calendar days between the order and the user's latest earlier order that holds the product
    (or one of its type), or the default if there is none.
    """
    for key, defaults in (("variant_id", options.product), ("product_type", options.product_type)):
        values = latest_purchases(raw, key).select(
            "order_id", key, **{f"days_since_purchase_{key}": _.days.cast("float64")}
        )
        default = {f"days_since_purchase_{key}": defaults.days_since_purchase}
        rows = add_values(rows, values, ["order_id", key], default)
    return rows


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
