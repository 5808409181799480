"""Which products are listed at an order's time."""

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.features.options import FeatureOptions
from push_propensity.features.raw_tables import RawTables


def list_products(raw: RawTables, options: FeatureOptions) -> ir.Table:
    """Return one row per repeat order and product listed at its time.

    A product is listed at time t if its latest sale before t, by anybody, is at most
    `listing_days` days (of 24 hours) old, if it is in at least `minimum_orders` orders before t,
    and if its price is above 0. A sale at t itself does not count.

    Returns:
        Columns order_id, user_id, created_at, user_order_seq, day, month, variant_id.
    """
    repeat_orders = raw.repeat_orders
    periods = listing_periods(raw, options)
    during = [
        repeat_orders.created_at > periods.listed_from,
        repeat_orders.created_at <= periods.listed_until,
    ]
    return repeat_orders.join(periods, during).drop("listed_from", "listed_until")


def listing_periods(raw: RawTables, options: FeatureOptions) -> ir.Table:
    """Return the periods in which each priced product is listed.

    Sales that follow each other within `listing_days` days make one period, from the first of
    them (exclusive) until `listing_days` days after the last of them (inclusive). So whether a
    product is listed at some time depends on earlier sales only, though a period has an end.

    Returns:
        Columns variant_id, listed_from, listed_until; the periods of a product never overlap.
    """
    window = ibis.interval(days=options.listing_days)
    ordered = ibis.window(group_by="variant_id", order_by=["created_at", "order_id"])
    sales = _countable_sales(raw, options.minimum_orders)
    starts = sales.mutate(previous=_.created_at.lag().over(ordered)).mutate(
        starts=(_.previous.isnull() | (_.created_at > _.previous + window)).cast("int64")
    )
    periods = starts.mutate(period=_.starts.cumsum().over(ordered))
    return (
        periods.group_by("variant_id", "period")
        .aggregate(listed_from=_.created_at.min(), listed_until=_.created_at.max() + window)
        .drop("period")
    )


def _countable_sales(raw: RawTables, minimum_orders: int) -> ir.Table:
    ordered = ibis.window(group_by="variant_id", order_by=["created_at", "order_id"])
    priced = raw.inventory.filter(_.price > 0).select("variant_id")
    sales = raw.purchases.semi_join(priced, "variant_id")
    return sales.mutate(earlier=ibis.row_number().over(ordered)).filter(
        _.earlier >= minimum_orders - 1
    )
