"""Which products go together, and how well a product goes with what the user bought before."""

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.features.history import past_purchases
from push_propensity.features.options import AffinityOptions
from push_propensity.features.points import known_orders
from push_propensity.features.raw_tables import RawTables

WEIGHTS = 1_000_000  # whole numbers add up to the same sum in any order


def neighbours(raw: RawTables, points: ir.Table, options: AffinityOptions) -> ir.Table:
    """Return the products that each product is most often bought with.

    The similarity of two products is the cosine of their columns in the order x product matrix:
    orders with both / sqrt(orders with one x orders with the other) (Linden, Smith and York,
    Amazon.com Recommendations, 2003). It is taken over the calendar months before the month.

    Returns:
        Columns month, variant_id, neighbour and weight, the similarity in millionths.
    """
    baskets = _baskets(raw, options)
    singles = _count_back(baskets.rename(one="variant_id"), ["one"], points, options.months)
    other = baskets.select("order_id", other="variant_id")
    pairs = baskets.rename(one="variant_id").join(other, "order_id").filter(_.one != _.other)
    together = _count_back(pairs, ["one", "other"], points, options.months).filter(
        _.orders >= options.minimum_orders
    )
    of_one = singles.rename(one_orders="orders")
    of_other = singles.select("month", other="one", other_orders="orders")
    similar = together.join(of_one, ["month", "one"]).join(of_other, ["month", "other"])
    cosine = _.orders / (_.one_orders * _.other_orders).cast("float64").sqrt()
    scored = similar.mutate(weight=(cosine * WEIGHTS).ceil().cast("int64"))
    ranked = ibis.window(group_by=["month", "one"], order_by=[ibis.desc("weight"), "other"])
    best = scored.mutate(rank=ibis.row_number().over(ranked)).filter(_.rank < options.neighbours)
    return best.select("month", "weight", variant_id="one", neighbour="other")


def affinity(raw: RawTables, points: ir.Table, options: AffinityOptions) -> ir.Table:
    """Return how well each product goes with what the user bought before the moment.

    Returns:
        Columns order_id, variant_id, affinity_history and affinity_last_order: of the product's
        neighbours, weighted by similarity, the share that the user ever bought, or bought in the
        latest order before the moment.
    """
    near = neighbours(raw, points, options)
    seen = past_purchases(raw, points, "variant_id").rename(neighbour="variant_id")
    bought = seen.group_by("order_id", "neighbour").aggregate(latest=_.position.max())
    dated = bought.join(points.select("order_id", "month"), "order_id").join(
        known_orders(raw, points), "order_id"
    )
    going = dated.join(near, ["month", "neighbour"]).mutate(
        lately=(_.latest == _.known_orders).ifelse(_.weight, 0)
    )
    sums = going.group_by("order_id", "month", "variant_id").aggregate(
        history=_.weight.sum(), last_order=_.lately.sum()
    )
    whole = near.group_by("month", "variant_id").aggregate(whole=_.weight.sum())
    return sums.join(whole, ["month", "variant_id"]).select(
        "order_id",
        "variant_id",
        affinity_history=_.history / _.whole,
        affinity_last_order=_.last_order / _.whole,
    )


def _baskets(raw: RawTables, options: AffinityOptions) -> ir.Table:
    """Return order_id, variant_id and the order's month, for orders that are not too large."""
    small = raw.orders.filter(_.basket_size <= options.largest_basket)
    dated = small.select("order_id", number=_month_count(_.created_at))
    return raw.purchases.select("order_id", "variant_id").join(dated, "order_id")


def _month_count(time: ir.TimestampValue) -> ir.IntegerValue:
    return time.year() * 12 + time.month()


def _count_back(events: ir.Table, keys: list[str], points: ir.Table, months: int) -> ir.Table:
    """Count the rows of the calendar months before each point's month, by the keys.

    Each month's count is handed on to the months after it.

    Returns:
        Columns month, the keys, orders.
    """
    monthly = events.group_by("number", *keys).aggregate(orders=_.count())
    later = monthly.mutate(ahead=ibis.range(1, months + 1).unnest()).mutate(
        number=_.number + _.ahead
    )
    wanted = points.select("month", number=_month_count(_.moment)).distinct()
    return later.join(wanted, "number").group_by("month", *keys).aggregate(orders=_.orders.sum())
