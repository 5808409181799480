"""Which rows are built where orders times catalogue would be too many.

Of every order, the rows that say most are always there: the purchases, the user's own past products
and the products that are popular on the day. Of the other listed products a sample is drawn, whose
rows weigh as much as those that they stand for (inverse-probability weights; Horvitz and Thompson,
1952). The draw is an equality join of buckets, so that rows that are not drawn are never made.
"""

from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd
from ibis import _

from push_propensity.features.constants import constant
from push_propensity.features.history import past_purchases
from push_propensity.features.listing import keep_listed, list_products
from push_propensity.features.options import FeatureOptions
from push_propensity.features.points import repeat_orders
from push_propensity.features.popularity import popularity
from push_propensity.features.products import add_product_columns
from push_propensity.features.raw_tables import RawTables
from push_propensity.frame.columns import BASKET_SIZE, PRODUCT, SAMPLING_WEIGHT
from push_propensity.frame.split import VALIDATION, SplitOptions, keep_large_orders, plan_split

HEX_DIGITS = 7  # their number fits into 32 bits, which it may get


def sample_rows(
    raw: RawTables, points: ir.Table, options: FeatureOptions, sampled_before: date
) -> ir.Table:
    """Return rows of points and listed products, those of early orders sampled.

    Args:
        raw: The raw tables.
        points: The points.
        options: Listing windows, and in `sampling` how much is drawn.
        sampled_before: Of the orders before this day rows are sampled.

    Returns:
        The columns of `list_products` and sampling_weight: 1, or 1 / share where drawn.
    """
    is_early = points.created_at < ibis.literal(sampled_before).cast("timestamp(6)")
    early, late = points.filter(is_early), points.filter(~is_early)
    whole = list_products(raw, late, options).mutate(**{SAMPLING_WEIGHT: constant(1.0)})
    certain = certain_rows(raw, early, options)
    drawn = drawn_rows(raw, early, options).anti_join(certain, ["order_id", PRODUCT])
    buckets = _buckets(options)
    columns = whole.columns
    return whole.union(
        certain.mutate(**{SAMPLING_WEIGHT: constant(1.0)}).select(*columns),
        drawn.mutate(**{SAMPLING_WEIGHT: constant(float(buckets))}).select(*columns),
    )


def find_first_whole_day(
    raw: RawTables, options: FeatureOptions, split: SplitOptions
) -> date | None:
    """Return the first day of validation, from which on every row is built.

    The split depends on days, orders and purchases alone, and none of them is sampled.

    Returns:
        The day, or None where `options.sampling` keeps every row.

    Raises:
        DataError: The orders cannot be split; see `split.plan_split`.
    """
    if options.sampling.share == 1:
        return None
    points = repeat_orders(raw, options.lag_hours, options.first_order_date)
    bought = points.join(raw.purchases.select("order_id", PRODUCT), "order_id")
    listed = add_product_columns(keep_listed(bought, raw, options), raw, points)
    sizes = raw.orders.select("order_id", "basket_size")
    purchases = listed.join(sizes, "order_id").select(
        "order_id", "created_at", PRODUCT, BASKET_SIZE, outcome=ibis.literal(1)
    )
    kept = keep_large_orders(purchases.to_pandas(), split.minimum_items, split.basket)
    days = plan_split(kept, split)
    first: pd.Timestamp = days.loc[days["part"] == VALIDATION, "day"].min()
    return first.date()


def certain_rows(raw: RawTables, points: ir.Table, options: FeatureOptions) -> ir.Table:
    """Return the rows that every point has: purchases, past products, popular products; listed."""
    rank = ibis.row_number().over(
        ibis.window(group_by="day", order_by=[ibis.desc("share"), PRODUCT])
    )
    shares = popularity(raw, options.popularity_days, "share")
    popular = shares.mutate(rank=rank).filter(_.rank < options.sampling.popular_products)
    days = points.select("order_id", "day")
    pairs = [
        raw.purchases.semi_join(points, "order_id").select("order_id", PRODUCT),
        past_purchases(raw, points, PRODUCT).select("order_id", PRODUCT),
        days.join(popular.select("day", PRODUCT), "day").select("order_id", PRODUCT),
    ]
    candidates = points.join(ibis.union(*pairs, distinct=True), "order_id")
    return keep_listed(candidates, raw, options)


def drawn_rows(raw: RawTables, points: ir.Table, options: FeatureOptions) -> ir.Table:
    """Return a seeded sample of each point's listed products: those in the point's bucket.

    A product's bucket changes from month to month, so that no two products always come together.
    """
    months = points.select("month").distinct()
    products = raw.inventory.select(PRODUCT).cross_join(months)
    bucketed = products.mutate(
        bucket=_bucket(options, "product", products[PRODUCT], products.month)
    )
    drawing = points.mutate(bucket=_bucket(options, "order", points.order_id))
    candidates = drawing.join(bucketed, ["bucket", "month"]).drop("bucket")
    return keep_listed(candidates, raw, options)


def _buckets(options: FeatureOptions) -> int:
    return max(1, round(1 / options.sampling.share))


def _bucket(options: FeatureOptions, kind: str, *ids: ir.Value) -> ir.IntegerValue:
    """Return a number below the number of buckets that depends on the seed and the ids alone."""
    text = ibis.literal(f"{options.sampling.seed} {kind}")
    for value in ids:
        text = text + " " + value.cast("string")
    digest = text.hexdigest("md5").left(HEX_DIGITS)
    number = ibis.literal(0, "int64")
    for position in range(HEX_DIGITS):
        digit = ibis.literal("0123456789abcdef").find(digest.substr(position, 1))
        number = number * 16 + digit
    return number % _buckets(options)
