"""How popular a product was lately."""

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.features.raw_tables import RawTables


def popularity(raw: RawTables, days: int) -> ir.Table:
    """Return day, variant_id and global_popularity: the share of recent orders that hold it.

    Recent orders are those of the `days` calendar days before the day, by all users. A product
    that is in none of them is not there.
    """
    holding = count_recent(raw.purchases, ["variant_id"], days)
    everything = count_recent(raw.orders, [], days).rename(all_orders="orders")
    return holding.join(everything, "day").select(
        "day", "variant_id", global_popularity=_.orders / _.all_orders
    )


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
