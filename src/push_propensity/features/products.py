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
    moment's day (until the first one, that of the inventory), and the highest price is that of
    all prices known before that day.
    """
    described = rows.join(raw.inventory.rename(list_price="price"), "variant_id")
    if raw.prices is None:
        # A join: Ibis writes broken SQL for a scalar if every price is the same constant.
        highest = raw.inventory.aggregate(highest_price=_.price.max())
        priced = described.mutate(price=_.list_price).cross_join(highest)
    else:
        priced = _at_known_prices(described, raw.prices, points)
    return (
        priced.filter(_.price > 0)
        .mutate(
            normalised_price=_.price / _.highest_price,
            discount_pct=((_.compare_at_price - _.price) / _.price).fill_null(0.0),
        )
        .drop("price", "list_price", "highest_price", "compare_at_price")
    )


def _at_known_prices(rows: ir.Table, prices: ir.Table, points: ir.Table) -> ir.Table:
    known = known_prices(prices, points)
    joined = rows.left_join(known, ["variant_id", "day"]).drop("variant_id_right", "day_right")
    dated = joined.left_join(highest_prices(prices, points), "day").drop("day_right")
    priced = dated.mutate(price=ibis.coalesce(_.known_price, _.list_price))
    return priced.mutate(
        highest_price=ibis.greatest(_.price, ibis.coalesce(_.highest, _.price))
    ).drop("known_price", "highest")


def known_prices(prices: ir.Table, points: ir.Table) -> ir.Table:
    """Return each product's price before each point's day.

    It is the highest price of the latest earlier day that has one, as lower ones are often
    discounts on quantities. Days of prices are numbered per product, and the number of earlier ones
    is counted by a running sum, which needs no range join.

    Returns:
        Columns variant_id, day, known_price; nothing before a product's first price.
    """
    by_product = ibis.window(group_by="variant_id", order_by=["day", "is_price"])
    daily = prices.group_by("variant_id", day=day_number(_.created_at)).aggregate(
        known_price=_.price.max()
    )
    asked = daily.select("variant_id").distinct().cross_join(points.select("day").distinct())
    both = daily.select("variant_id", "day", is_price=ibis.literal(1)).union(
        asked.select("variant_id", "day", is_price=ibis.literal(0))
    )
    # A day's own prices come after the day itself, and do not count for it.
    counted = both.mutate(number=_.is_price.cumsum().over(by_product).cast("int64"))
    numbers = counted.filter(_.is_price == 0).select("variant_id", "number", asked_day="day")
    in_turn = ibis.window(group_by="variant_id", order_by="day")
    numbered = daily.mutate(number=ibis.row_number().over(in_turn).cast("int64") + 1)
    return numbers.join(numbered, ["variant_id", "number"]).select(
        "variant_id", "known_price", day="asked_day"
    )


def highest_prices(prices: ir.Table, points: ir.Table) -> ir.Table:
    """Return day and highest, the highest price of any product before each point's day."""
    daily = prices.group_by(price_day=day_number(_.created_at)).aggregate(highest=_.price.max())
    days = points.select("day").distinct()
    before = days.join(daily, days.day > daily.price_day)
    return before.group_by("day").aggregate(highest=_.highest.max())
