"""What the user bought before the moment, and in the order itself."""

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.features.constants import flag_pairs
from push_propensity.features.points import known_orders
from push_propensity.features.raw_tables import RawTables
from push_propensity.frame.columns import PRODUCT, RECENT_ORDERS


def outcome(raw: RawTables) -> ir.Table:
    """Return order_id, variant_id and outcome: 1 for every product that an order holds."""
    return flag_pairs(raw.purchases, "outcome")


def ordered_before(raw: RawTables, points: ir.Table) -> ir.Table:
    """Return order_id, variant_id and ordered_before: 1 if the user bought it in an earlier order.

    An earlier order is one made before the moment.
    """
    return flag_pairs(past_purchases(raw, points, PRODUCT), "ordered_before")


def days_since_purchase(raw: RawTables, points: ir.Table, key: str) -> ir.Table:
    """Return order_id, the key and days_since_purchase_<key>, in calendar days.

    From the user's latest earlier order that holds the same product (key variant_id), or one of
    its product_type or vendor; nothing for what the user never bought.
    """
    past = past_purchases(raw, points, key)
    latest = past.group_by("order_id", key).aggregate(days=(_.today - _.day).min())
    return latest.select("order_id", key, _.days.cast("float64").name(f"days_since_purchase_{key}"))


def own_history(raw: RawTables, points: ir.Table, key: str) -> ir.Table:
    """Return how often and how regularly a user bought a product, or of its type or vendor.

    Returns:
        Columns order_id, the key and, for what the user bought before the moment:
        purchases_<key>: earlier orders that hold it;
        purchase_share_<key>: their share of the user's earlier orders;
        purchase_share_last_<n>_<key>: their share of the user's n latest ones (of all, if fewer);
        purchase_rate_<key>: their share since the first order that held it, itself included;
        orders_since_purchase_<key>: 1 if the latest order holds it, 2 if the one before it, ...;
        own_days_to_buy_<key>: mean days between them, null if there is only one;
        days_since_<key>: calendar days since the latest of them.
    """
    seen = past_purchases(raw, points, key).join(known_orders(raw, points), "order_id")
    recent = {
        f"recent_{orders}": (_.position > _.known_orders - orders).sum() for orders in RECENT_ORDERS
    }
    sums = seen.group_by("order_id", key).aggregate(
        orders=_.known_orders.max(),
        number=_.count(),
        first=_.position.min(),
        latest=_.position.max(),
        first_day=_.day.min(),
        latest_day=_.day.max(),
        today=_.today.max(),
        **recent,
    )
    shares = {
        f"purchase_share_last_{orders}_{key}": sums[f"recent_{orders}"]
        / ibis.least(sums.orders, orders)
        for orders in RECENT_ORDERS
    }
    gaps = (sums.number - 1).nullif(0)
    return sums.select(
        "order_id",
        key,
        sums.number.name(f"purchases_{key}"),
        (sums.number / sums.orders).name(f"purchase_share_{key}"),
        *(share.name(name) for name, share in shares.items()),
        (sums.number / (sums.orders - sums["first"] + 1)).name(f"purchase_rate_{key}"),
        (sums.orders - sums.latest + 1).name(f"orders_since_purchase_{key}"),
        ((sums.latest_day - sums.first_day) / gaps).name(f"own_days_to_buy_{key}"),
        (sums.today - sums.latest_day).name(f"days_since_{key}"),
    )


def past_purchases(raw: RawTables, points: ir.Table, key: str) -> ir.Table:
    """Return what each point's user bought before its moment.

    Returns:
        Columns order_id (that of the point), today (the point's day), the key, and position and day
        of the past order; one row per past order and product, type or vendor in it.
    """
    return before_moments(purchases_by(raw, key), points).select(
        "order_id", "today", key, "position", "day"
    )


def before_moments(purchases: ir.Table, points: ir.Table) -> ir.Table:
    """Return the rows of some purchases that each point's user had made before its moment.

    Args:
        purchases: The columns of the purchases, and others.
        points: The points.

    Returns:
        Columns order_id (that of the point), today and this_month (the point's day and month), and
        those of the purchases but for order_id and user_id.
    """
    moments = points.select("order_id", "user_id", "moment", today="day", this_month="month")
    past = purchases.drop("order_id").rename(past_user="user_id")
    joined = moments.join(
        past, [moments.user_id == past.past_user, past.created_at < moments.moment]
    )
    return joined.drop("user_id", "moment", "past_user")


def purchases_by(raw: RawTables, key: str) -> ir.Table:
    """Return one row per order and what it holds: the columns of the purchases and the key.

    The key is variant_id, product_type or vendor; several products of one type count once.
    """
    if key == PRODUCT:
        return raw.purchases
    described = raw.inventory.select(PRODUCT, key)
    return raw.purchases.join(described, PRODUCT).drop(PRODUCT).distinct()
