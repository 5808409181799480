"""After how many days a product or product type is bought again, by all users."""

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.features.history import purchases_by
from push_propensity.features.raw_tables import RawTables


def days_to_buy(raw: RawTables, points: ir.Table, key: str, minimum_gaps: int) -> ir.Table:
    """Return median and sample standard deviation of the gaps between purchases, in days.

    Of the gaps of all users that ended before the month; nothing for a product or type with
    fewer than `minimum_gaps` of them. The deviation comes from whole-number sums, so that it does
    not depend on the order in which rows are added up.

    Returns:
        Columns month, the key, avg_days_to_buy_<key>, std_days_to_buy_<key>.
    """
    months = points.select("month").distinct()
    gaps = purchase_gaps(raw, key)
    seen = gaps.join(months, gaps.day < months.month).group_by("month", key)
    sums = seen.aggregate(
        number=_.count(), total=_.gap.sum(), squares=(_.gap * _.gap).sum(), middle=_.gap.median()
    ).filter(_.number >= minimum_gaps)
    scatter = _.number * _.squares - _.total * _.total
    return sums.select(
        "month",
        key,
        _.middle.cast("float64").name(f"avg_days_to_buy_{key}"),
        (scatter / (_.number * (_.number - 1))).sqrt().name(f"std_days_to_buy_{key}"),
    )


def purchase_gaps(raw: RawTables, key: str) -> ir.Table:
    """Return the calendar days between consecutive orders of a user that hold the same thing.

    Returns:
        Columns the key, day (on which the gap ended) and gap.
    """
    in_order = ibis.window(group_by=["user_id", key], order_by=["created_at", "order_id"])
    gaps = purchases_by(raw, key).mutate(gap=_.day - _.day.lag().over(in_order))
    return gaps.filter(_.gap.notnull()).select(key, "day", "gap")


def repurchase_rate(raw: RawTables, points: ir.Table) -> ir.Table:
    """Return month, variant_id and repurchase_rate: the share of its buyers who bought it again.

    Of the orders before the month; nothing for a product that nobody had bought.
    """
    by_user = ibis.window(group_by=["user_id", "variant_id"], order_by=["created_at", "order_id"])
    months = points.select("month").distinct()
    numbered = raw.purchases.mutate(earlier=ibis.row_number().over(by_user)).filter(_.earlier < 2)
    seen = numbered.join(months, numbered.day < months.month)
    buyers = seen.group_by("month", "variant_id").aggregate(
        buyers=(_.earlier == 0).sum(), again=(_.earlier == 1).sum()
    )
    return buyers.select("month", "variant_id", repurchase_rate=_.again / _.buyers)
