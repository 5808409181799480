"""Which products are listed at a point's moment."""

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.errors import DataError
from push_propensity.features.options import FeatureOptions
from push_propensity.features.raw_tables import RawTables


def list_products(raw: RawTables, points: ir.Table, options: FeatureOptions) -> ir.Table:
    """Return one row per point and product listed at its moment.

    A product is listed at time t if its latest sale before t, by anybody, is at most
    `listing_days` days (of 24 hours) old, and if it is in at least `minimum_orders` orders
    before t. A sale at t itself does not count.

    Returns:
        The columns of the points, and variant_id.
    """
    periods = listing_periods(raw, options)
    return points.join(periods, _during(points, periods)).drop("listed_from", "listed_until")


def keep_listed(rows: ir.Table, raw: RawTables, options: FeatureOptions) -> ir.Table:
    """Return those of some rows of points and products that `list_products` would give."""
    periods = listing_periods(raw, options)
    same_product = rows.variant_id == periods.variant_id
    return rows.semi_join(periods, [same_product, *_during(rows, periods)])


def _during(rows: ir.Table, periods: ir.Table) -> list[ir.BooleanValue]:
    return [rows.moment > periods.listed_from, rows.moment <= periods.listed_until]


def choose_products(rows: ir.Table, products: Sequence[str | int]) -> ir.Table:
    """Return the rows of these products; all rows if none is named.

    Raises:
        DataError: There are no rows at all, or none of a chosen product.
    """
    chosen = rows.filter(_.variant_id.isin(products)) if products else rows
    found = set(chosen.select("variant_id").distinct().to_pyarrow()["variant_id"].to_pylist())
    if not found and not products:
        raise DataError(
            "No product is listed for any active user at the moment asked for. Check that it lies "
            "within the data, or raise feature_options.listing_days or current.active_days."
        )
    unlisted = [str(product) for product in products if product not in found]
    if unlisted:
        raise DataError(
            f"No features for the products {', '.join(unlisted)}: {_why_unlisted(rows, unlisted)}"
        )
    return chosen


def _why_unlisted(rows: ir.Table, unlisted: Sequence[str]) -> str:
    listed = rows.select("variant_id").distinct().to_pyarrow()["variant_id"].to_pylist()
    if set(unlisted) & set(map(str, listed)):
        kind = "text: put them in quotes" if isinstance(listed[0], str) else "whole numbers"
        return f"the ids of these tables are {kind}."
    return (
        "they have no price or no sale in the days before the moment that "
        "feature_options.listing_days asks for, or no user is active. Choose other products."
    )


def listing_periods(raw: RawTables, options: FeatureOptions) -> ir.Table:
    """Return the periods in which each product of the inventory is listed.

    Sales that follow each other within `listing_days` days make one period, from the first of
    them (exclusive) until `listing_days` days after the last of them (inclusive). So whether a
    product is listed at some time depends on earlier sales only, though a period has an end.

    Returns:
        Columns variant_id, listed_from, listed_until; the periods of a product never overlap.
    """
    window = ibis.interval(days=options.listing_days)
    ordered = ibis.window(group_by="variant_id", order_by=["created_at", "order_id"])
    sales = raw.purchases.semi_join(sellable(raw), "variant_id")
    numbered = sales.mutate(earlier=ibis.row_number().over(ordered))
    countable = numbered.filter(_.earlier >= options.minimum_orders - 1)
    starts = countable.mutate(previous=_.created_at.lag().over(ordered)).mutate(
        starts=(_.previous.isnull() | (_.created_at > _.previous + window)).cast("int64")
    )
    periods = starts.mutate(period=_.starts.cumsum().over(ordered))
    return (
        periods.group_by("variant_id", "period")
        .aggregate(listed_from=_.created_at.min(), listed_until=_.created_at.max() + window)
        .drop("period")
    )


def sellable(raw: RawTables) -> ir.Table:
    """Return the variant_id of the products that can have a price above 0."""
    priced = raw.inventory.filter(_.price > 0).select("variant_id")
    if raw.prices is None:
        return priced
    known = raw.prices.semi_join(raw.inventory, "variant_id").select("variant_id")
    return priced.union(known, distinct=True)
