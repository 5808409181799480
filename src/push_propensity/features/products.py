"""What the shop says about a product."""

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.features.raw_tables import RawTables, day_number


def add_product_columns(rows: ir.Table, raw: RawTables, points: ir.Table) -> ir.Table:
    """Add product_type, vendor, normalised_price and discount_pct to rows of points and products.

    Rows of products without a known price above 0 are left out. normalised_price is the price as a
    share of the shop's highest price; discount_pct is (compare_at_price - price) / price, 0 without
    a compare_at_price. With a table of prices, a price is the last one that was known before the
    moment (until the first one, that of the inventory), and the highest price is that of all
    prices known before its day.
    """
    described = rows.join(raw.inventory.rename(list_price="price"), "variant_id")
    priced = (
        described.mutate(price=_.list_price, highest_price=raw.inventory.price.max().as_scalar())
        if raw.prices is None
        else _at_known_prices(described, raw.prices, points)
    )
    return (
        priced.filter(_.price > 0)
        .mutate(
            normalised_price=_.price / _.highest_price,
            discount_pct=((_.compare_at_price - _.price) / _.price).fill_null(0.0),
        )
        .drop("price", "list_price", "highest_price", "compare_at_price")
    )


def _at_known_prices(rows: ir.Table, prices: ir.Table, points: ir.Table) -> ir.Table:
    periods = price_periods(prices)
    in_period = [
        rows.variant_id == periods.variant_id,
        rows.moment > periods.known_from,
        (rows.moment <= periods.known_until) | periods.known_until.isnull(),
    ]
    known = rows.left_join(periods, in_period).drop("known_from", "known_until", "variant_id_right")
    joined = known.left_join(highest_prices(prices, points), "day").drop("day_right")
    priced = joined.mutate(price=ibis.coalesce(_.known_price, _.list_price))
    return priced.mutate(
        highest_price=ibis.greatest(_.price, ibis.coalesce(_.highest, _.price))
    ).drop("known_price", "highest")


def price_periods(prices: ir.Table) -> ir.Table:
    """Return when each price of a product was the last known one.

    Of several prices of a product at the same time, the lowest counts.

    Returns:
        Columns variant_id, known_price, known_from (exclusive) and known_until (inclusive, null
        while it lasts); prices that do not change make one period.
    """
    by_product = ibis.window(group_by="variant_id", order_by="created_at")
    at_times = prices.group_by("variant_id", "created_at").aggregate(known_price=_.price.min())
    changed = at_times.mutate(before=_.known_price.lag().over(by_product)).filter(
        _.before.isnull() | (_.before != _.known_price)
    )
    return changed.select(
        "variant_id",
        "known_price",
        known_from="created_at",
        known_until=_.created_at.lead().over(by_product),
    )


def highest_prices(prices: ir.Table, points: ir.Table) -> ir.Table:
    """Return day and highest, the highest price of any product before each point's day."""
    daily = prices.group_by(price_day=day_number(_.created_at)).aggregate(highest=_.price.max())
    days = points.select("day").distinct()
    before = days.join(daily, days.day > daily.price_day)
    return before.group_by("day").aggregate(highest=_.highest.max())
