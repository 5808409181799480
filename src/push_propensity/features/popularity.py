"""How popular a product was lately, and since when it is sold."""

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.features.raw_tables import RawTables


def popularity(raw: RawTables, days: int, name: str = "global_popularity") -> ir.Table:
    """Return day, variant_id and the share of recent orders that hold it, under the name given.

    Recent orders are those of the `days` calendar days before the day, by all users. A product
    that is in none of them is not there.
    """
    holding = count_recent(raw.purchases, ["variant_id"], days)
    everything = count_recent(raw.orders, [], days).rename(all_orders="orders")
    return holding.join(everything, "day").select(
        "day", "variant_id", (_.orders / _.all_orders).name(name)
    )


def popularity_trend(raw: RawTables, windows: tuple[int, int]) -> ir.Table:
    """Return day, variant_id and popularity_trend: popularity over few days minus over many.

    A product that is in no order of the longer window is not there.
    """
    few, many = (popularity(raw, days, "share") for days in windows)
    both = many.left_join(few, ["day", "variant_id"], rname="{name}_lately")
    return both.select(
        "day", "variant_id", popularity_trend=_.share_lately.fill_null(0.0) - _.share
    )


def first_sales(raw: RawTables) -> ir.Table:
    """Return variant_id and first_sale, the day of its first sale by anybody.

    A listed product has a sale before the moment, so its first sale is in the past too.
    """
    return raw.purchases.group_by("variant_id").aggregate(first_sale=_.day.min())


def count_recent(events: ir.Table, keys: list[str], days: int) -> ir.Table:
    """Count the rows of the `days` days before each day, by the keys.

    Each day's count is handed on to the days after it, so that the sum needs no range join.

    Returns:
        Columns day, the keys, orders; days without rows before them are not there.
    """
    daily = events.group_by("day", *keys).aggregate(orders=_.count())
    ahead = daily.mutate(later=ibis.range(1, days + 1).unnest())
    later = ahead.mutate(day=_.day + _.later)
    return later.group_by("day", *keys).aggregate(orders=_.orders.sum())
