"""What the users who are most like a user bought lately."""

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.features.options import NeighbourOptions
from push_propensity.features.raw_tables import RawTables

WEIGHTS = 1_000_000_000  # whole numbers add up to the same sum in any order


def neighbour_share(raw: RawTables, points: ir.Table, options: NeighbourOptions) -> ir.Table:
    """Return how often the user's neighbours bought a product lately.

    UP-CF, collaborative filtering by user-wise popularity (Faggioli, Polato and Aiolli, Recency
    aware collaborative filtering for next basket recommendation, UMAP 2020), as of the start of the
    moment's month: the share of a neighbour's latest `orders` orders (of all, if fewer) that hold
    the product, as a mean over the neighbours weighted by similarity^`exponent`.

    Returns:
        Columns month, user_id, variant_id and neighbour_share; nothing for a product that no
        neighbour bought lately.
    """
    users, others = _users(points), _candidates(raw, points, options)
    theirs = _their_products(raw, others, options)
    near = similar_users(raw, users, theirs, options)
    weighed = near.mutate(whole=(_.weight * _.orders).sum().over(ibis.window(group_by="user")))
    held = weighed.join(theirs.filter(_.holding > 0), ["month", "neighbour"])
    shares = held.group_by("user", "variant_id").aggregate(
        neighbour_share=(_.weight * _.holding).sum() / _.whole.max()
    )
    return shares.join(users, "user").drop("user")


def similar_users(
    raw: RawTables, users: ir.Table, theirs: ir.Table, options: NeighbourOptions
) -> ir.Table:
    """Return each user's neighbours: the `nearest` most similar of the candidates.

    The similarity of two users is the asymmetric cosine of the sets of products that they had
    bought: products of both / (products of one^a x products of the other^(1 - a)).

    Args:
        raw: The raw tables.
        users: Of `_users`.
        theirs: Of `_their_products`.
        options: Exponents and numbers.

    Returns:
        Columns month, user, neighbour, orders (how many of the neighbour's count) and the weight of
        each of these orders: 10^9 x (similarity / the highest one)^exponent / orders, rounded.
    """
    mine = _my_products(raw, users)
    theirs_alone = theirs.select("month", "neighbour", "variant_id")
    pairs = mine.select("month", "user", "variant_id").join(theirs_alone, ["month", "variant_id"])
    common = pairs.group_by("month", "user", "neighbour").aggregate(products=_.count())
    of_one = mine.group_by("user").aggregate(of_one=_.count(), user_id=_.user_id.max())
    of_other = theirs.group_by("month", "neighbour").aggregate(
        of_other=_.count(), other_id=_.other_id.max(), orders=_.orders.max()
    )
    described = common.join(of_one, "user").join(of_other, ["month", "neighbour"])
    others = described.filter(_.user_id != _.other_id)
    one, other = (others[name].cast("float64") for name in ("of_one", "of_other"))
    cosine = others.products / (one**options.asymmetry * other ** (1 - options.asymmetry))
    similar = others.mutate(similarity=(cosine * WEIGHTS).round().cast("int64"))
    ranked = ibis.window(group_by="user", order_by=[ibis.desc("similarity"), "neighbour"])
    nearest = similar.mutate(
        rank=ibis.row_number().over(ranked), highest=_.similarity.first().over(ranked)
    ).filter(_.rank < options.nearest)
    weight = (_.similarity / _.highest) ** options.exponent / _.orders * WEIGHTS
    return nearest.select(
        "month", "user", "neighbour", "orders", weight=weight.round().cast("int64")
    )


def _users(points: ir.Table) -> ir.Table:
    """Return month and user_id of the points, and user, a number for both: joins are faster so."""
    asked = points.select("month", "user_id").distinct()
    return asked.mutate(user=ibis.row_number().over(order_by=["month", "user_id"]))


def _my_products(raw: RawTables, users: ir.Table) -> ir.Table:
    """Return month, user, user_id and variant_id: what was bought before the month."""
    bought = raw.purchases.select("variant_id", "day", buyer="user_id")
    known = users.join(bought, [users.user_id == bought.buyer, users.month > bought.day])
    return known.select("month", "user", "user_id", "variant_id").distinct()


def _candidates(raw: RawTables, points: ir.Table, options: NeighbourOptions) -> ir.Table:
    """Return the users with the latest orders before each point's month.

    Returns:
        Columns month, other_id (the user), neighbour (which of the month's candidates it is, the
        latest first) and known_orders (before the month).
    """
    months = points.select("month").distinct()
    orders = raw.orders.select("day", "position", "created_at", other_id="user_id")
    past = orders.join(months, orders.day < months.month).group_by("month", "other_id")
    latest = past.aggregate(ordered_at=_.created_at.max(), known_orders=_.position.max())
    in_turn = ibis.window(group_by="month", order_by=[ibis.desc("ordered_at"), "other_id"])
    numbered = latest.mutate(neighbour=ibis.row_number().over(in_turn))
    return numbered.filter(_.neighbour < options.users).drop("ordered_at")


def _their_products(raw: RawTables, others: ir.Table, options: NeighbourOptions) -> ir.Table:
    """Return what the candidates bought before the month.

    Returns:
        Columns month, neighbour, variant_id, other_id, orders (how many of the candidate's count)
        and holding (how many of these hold the product).
    """
    bought = raw.purchases.select("variant_id", "day", "position", buyer="user_id")
    known = others.join(bought, [others.other_id == bought.buyer, others.month > bought.day])
    return known.group_by("month", "neighbour", "variant_id").aggregate(
        other_id=_.other_id.max(),
        orders=ibis.least(_.known_orders.max(), options.orders),
        holding=(_.position > _.known_orders - options.orders).sum(),
    )
