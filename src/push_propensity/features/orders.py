"""How the user shops: how often, how much, and when."""

import ibis.expr.types as ir
from ibis import _

from push_propensity.features.points import past_orders
from push_propensity.features.raw_tables import RawTables


def order_habits(raw: RawTables, points: ir.Table) -> ir.Table:
    """Return what the user's orders before the moment say.

    Returns:
        Columns order_id, days_since_order (calendar days since the latest one),
        own_days_between_orders (their mean gap, null if there is only one), last_basket_size and
        mean_basket_size (distinct products).
    """
    past = past_orders(raw, points)
    sums = past.group_by("order_id").aggregate(
        number=_.count(),
        first_day=_.day.min(),
        latest_day=_.day.max(),
        today=_.today.max(),
        last_basket_size=_.basket_size.argmax(_.position),
        mean_basket_size=_.basket_size.mean(),
    )
    return sums.select(
        "order_id",
        "last_basket_size",
        "mean_basket_size",
        days_since_order=_.today - _.latest_day,
        own_days_between_orders=(_.latest_day - _.first_day) / (_.number - 1).nullif(0),
    )
