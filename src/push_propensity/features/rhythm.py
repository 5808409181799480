"""After how many days a product or product type is bought again, by all users."""

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.features.history import before_moments, purchases_by
from push_propensity.features.points import past_orders, sum_before_months
from push_propensity.features.raw_tables import RawTables, month_number
from push_propensity.frame.columns import HALF_LIVES, PRODUCT, PRODUCT_TYPE


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
    gaps = _with_gaps(purchases_by(raw, key), key)
    return gaps.filter(_.gap.notnull()).select(key, "day", "gap")


def _with_gaps(purchases: ir.Table, key: str) -> ir.Table:
    """Add the days since the order before that held the same thing; null at the user's first."""
    in_order = ibis.window(group_by=["user_id", key], order_by=["created_at", "order_id"])
    return purchases.mutate(gap=_.day - _.day.lag().over(in_order))


def own_rhythm(raw: RawTables, points: ir.Table, minimum_gaps: int, usual_days: float) -> ir.Table:
    """Return how a user's time since the latest purchase compares with the gaps between purchases.

    Args:
        raw: The raw tables.
        points: The points.
        minimum_gaps: How many gaps of a product its mean needs, and the hazard that lasted so long.
        usual_days: The mean gap of a product with fewer.

    Returns:
        Columns order_id, variant_id and, for what the user bought before the moment:
        decayed_frequency_<h>: 2^(-days / h) summed over the orders that hold it / over all orders;
        days_past_longest_gap, days_past_shortest_gap: calendar days since the latest purchase,
            minus the user's longest or shortest gap; minus the mean gap where there is none;
        days_past_mean_gap: the same, minus the mean of all users' gaps that ended before the month;
        own_std_days_to_buy_variant_id: sample standard deviation of the user's gaps, null with
            fewer than two;
        repurchase_hazard: see `ended_within_a_week`.
    """
    purchases = _with_gaps(raw.purchases, PRODUCT)
    past = before_moments(purchases, points).join(_decayed_orders(raw, points), "order_id")
    sums = past.group_by("order_id", PRODUCT).aggregate(
        month=_.this_month.max(),
        elapsed=(_.today - _.day).min(),
        longest=_.gap.max(),
        shortest=_.gap.min(),
        number=_.gap.count(),
        total=_.gap.sum(),
        squares=(_.gap * _.gap).sum(),
        **{f"decayed_{days}": _decayed(_.latest_day - _.day, days).sum() for days in HALF_LIVES},
        **{f"all_{days}": _[f"all_{days}"].max() for days in HALF_LIVES},
    )
    known = known_gaps(purchases, points)
    means = (
        known.group_by("month", PRODUCT)
        .aggregate(known_gaps=_.gaps.sum(), mean_gap=(_.gap * _.gaps).sum() / _.gaps.sum())
        .filter(_.known_gaps >= minimum_gaps)
    )
    own = sums.left_join(means, ["month", PRODUCT]).drop("month_right", f"{PRODUCT}_right")
    hazards = ended_within_a_week(known, sums, raw.inventory, minimum_gaps)
    own = own.left_join(hazards, ["month", PRODUCT, "elapsed"])
    mean_gap = own.mean_gap.fill_null(usual_days)
    scatter = own.number * own.squares - own.total * own.total
    return own.select(
        "order_id",
        PRODUCT,
        **{
            f"decayed_frequency_{days}": own[f"decayed_{days}"] / own[f"all_{days}"]
            for days in HALF_LIVES
        },
        days_past_longest_gap=own.elapsed - ibis.coalesce(own.longest, mean_gap),
        days_past_shortest_gap=own.elapsed - ibis.coalesce(own.shortest, mean_gap),
        days_past_mean_gap=own.elapsed - mean_gap,
        own_std_days_to_buy_variant_id=(scatter / (own.number * (own.number - 1)).nullif(0)).sqrt(),
        repurchase_hazard=own.repurchase_hazard,
    )


def known_gaps(purchases: ir.Table, points: ir.Table) -> ir.Table:
    """Count the gaps between a user's purchases of a product that ended before each month.

    Returns:
        Columns month, variant_id, gap (days) and gaps (how many, of all users).
    """
    ended = purchases.filter(_.gap.notnull())
    monthly = ended.group_by(PRODUCT, "gap", month=month_number(_.created_at)).aggregate(
        gaps=_.count()
    )
    return sum_before_months(monthly, points, [PRODUCT, "gap"])


def ended_within_a_week(
    known: ir.Table, asked: ir.Table, inventory: ir.Table, minimum_gaps: int
) -> ir.Table:
    """Return how often a gap that had lasted so long ended within the next 7 days.

    Of the known gaps of at least `elapsed` days, the share of at most 7 days more: a discrete
    hazard (Cox 1972). Where fewer than `minimum_gaps` lasted so long, it is that of the gaps of all
    products of the type; 0 where these are too few as well.

    Args:
        known: What `known_gaps` gives.
        asked: Columns month, variant_id and elapsed, in days.
        inventory: The products and their types.
        minimum_gaps: How many gaps must have lasted so long.

    Returns:
        Columns month, variant_id, elapsed and repurchase_hazard, one row per asked combination.
    """
    types = inventory.select(PRODUCT, PRODUCT_TYPE)
    wanted = asked.select("month", PRODUCT, "elapsed").distinct().join(types, PRODUCT)
    of_types = known.join(types, PRODUCT)
    found = wanted
    for key, gaps in ((PRODUCT, known), (PRODUCT_TYPE, of_types)):
        keys = ["month", key, "elapsed"]
        shares = _share_ended(gaps, wanted, key).filter(_.lasted >= minimum_gaps)
        found = found.left_join(shares.select(*keys, _.share.name(f"of_{key}")), keys).drop(
            *(f"{name}_right" for name in keys)
        )
    hazard = ibis.coalesce(found[f"of_{PRODUCT}"], found[f"of_{PRODUCT_TYPE}"], 0.0)
    return found.select("month", PRODUCT, "elapsed", repurchase_hazard=hazard)


def _share_ended(gaps: ir.Table, wanted: ir.Table, key: str) -> ir.Table:
    """Count by running sums over gaps and asked days, which needs no range join."""
    columns = ["month", key, "elapsed"]
    counted = gaps.group_by("month", key, elapsed="gap").aggregate(gaps=_.gaps.sum())
    both = counted.select(*columns, "gaps", is_asked=ibis.literal(False)).union(
        wanted.select(*columns).distinct().mutate(gaps=ibis.literal(0, "int64"), is_asked=True)
    )
    at_least = {"group_by": ["month", key], "order_by": "elapsed", "preceding": 0}
    summed = both.mutate(
        lasted=_.gaps.sum().over(ibis.range_window(**at_least)),
        ended=_.gaps.sum().over(ibis.range_window(**at_least, following=7)),
    )
    return summed.filter(_.is_asked).mutate(share=_.ended / _.lasted.nullif(0))


def _decayed_orders(raw: RawTables, points: ir.Table) -> ir.Table:
    """Return order_id, latest_day (of the user's latest order) and the decayed counts all_<h>."""
    latest = ibis.window(group_by="order_id")
    orders = past_orders(raw, points).mutate(latest_day=_.day.max().over(latest))
    return orders.group_by("order_id").aggregate(
        latest_day=_.latest_day.max(),
        **{f"all_{days}": _decayed(_.latest_day - _.day, days).sum() for days in HALF_LIVES},
    )


def _decayed(days: ir.NumericValue, half_life: int) -> ir.NumericValue:
    """Return 2^(-days / half-life) in thousand-millionths.

    The shares are the same whatever day is counted from. Counted from the user's latest order its
    weight is 1, so that nothing vanishes; whole numbers add up to the same sum in any order.
    """
    return (2.0 ** (-days / half_life) * 1_000_000_000).round().cast("int64")
