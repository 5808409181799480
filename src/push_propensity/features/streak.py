"""In how many of the next orders a product is bought again: by its user, and by everybody."""

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.features.history import before_moments
from push_propensity.features.points import past_orders, sum_before_months
from push_propensity.features.raw_tables import RawTables
from push_propensity.frame.columns import NEXT_ORDERS


def own_streak(raw: RawTables, points: ir.Table) -> ir.Table:
    """Return in which of their latest orders, and in which kind of order, a user bought a product.

    Returns:
        Columns order_id, variant_id and, for what the user bought before the moment:
        order_run: n if the n latest orders hold it and the one before them does not, -n if the n
            latest orders do not;
        relative_basket_size: mean basket size of the orders with it / that of all orders;
        weekday_share: of the orders with it, the share made on the weekday of the moment.
    """
    by_product = ibis.window(group_by=["user_id", "variant_id"], order_by="position")
    # In a row of orders position and number grow alike, so that their difference stays the same.
    rows = raw.purchases.mutate(start=_.position - ibis.row_number().over(by_product))
    in_row = ibis.window(group_by=["user_id", "variant_id", "start"], order_by="position")
    purchases = rows.mutate(run=ibis.row_number().over(in_row) + 1).join(
        raw.orders.select("order_id", "basket_size"), "order_id"
    )
    everything = (
        past_orders(raw, points)
        .group_by("order_id")
        .aggregate(all_orders=_.count(), all_sizes=_.basket_size.sum())
    )
    own = before_moments(purchases, points).join(everything, "order_id")
    sums = own.group_by("order_id", "variant_id").aggregate(
        orders=_.count(),
        sizes=_.basket_size.sum(),
        latest=_.position.max(),
        run=_.run.argmax(_.position),
        same_weekday=((_.today - _.day) % 7 == 0).sum(),
        all_orders=_.all_orders.max(),
        all_sizes=_.all_sizes.max(),
    )
    return sums.select(
        "order_id",
        "variant_id",
        order_run=(_.latest == _.all_orders).ifelse(_.run, _.latest - _.all_orders),
        relative_basket_size=(_.sizes * _.all_orders) / (_.orders * _.all_sizes),
        weekday_share=_.same_weekday / _.orders,
    )


def bought_again(raw: RawTables, points: ir.Table) -> ir.Table:
    """Return in how many of their next orders all users bought a product again.

    Of what was known before the month: a purchase counts once so many orders of its user followed
    it, so that users with few orders yet do not look like users who did not want it again.

    Returns:
        Columns month, variant_id and, null where nothing was known:
        bought_again_within_<n>: of the purchases that n orders followed, the share that one of
            these orders repeated;
        bought_again_after_first: of the users' first purchases of it that an order followed, the
            share that this very order repeated;
        one_shot_share: of the users who ordered after their first purchase of it, the share who
            bought it once only.
    """
    by_product = ibis.window(group_by=["user_id", "variant_id"], order_by="position")
    numbered = raw.purchases.mutate(
        orders_until_next=_.position.lead().over(by_product) - _.position,
        earlier=ibis.row_number().over(by_product),
    )
    # A step of its own: Spark would number the rows that this makes.
    purchases = numbered.mutate(ahead=ibis.range(0, max(NEXT_ORDERS) + 1).unnest())
    reached = purchases.select(
        "user_id",
        "variant_id",
        "orders_until_next",
        "earlier",
        "ahead",
        position=_.position + _.ahead,
    ).join(raw.orders.select("user_id", "position", "month"), ["user_id", "position"])
    is_first = (_.earlier == 0) & (_.ahead == 1)
    monthly = reached.group_by("month", "variant_id").aggregate(
        **{f"followed_{n}": _count(_.ahead == n) for n in NEXT_ORDERS},
        **{f"again_{n}": _count((_.ahead == n) & (_.orders_until_next <= n)) for n in NEXT_ORDERS},
        first_followed=_count(is_first),
        first_again=_count(is_first & (_.orders_until_next == 1)),
        second=_count((_.earlier == 1) & (_.ahead == 0)),
    )
    known = sum_before_months(monthly, points, ["variant_id"])
    return known.select(
        "month",
        "variant_id",
        **{
            f"bought_again_within_{n}": known[f"again_{n}"] / known[f"followed_{n}"].nullif(0)
            for n in NEXT_ORDERS
        },
        bought_again_after_first=_.first_again / _.first_followed.nullif(0),
        one_shot_share=1 - _.second / _.first_followed.nullif(0),
    )


def _count(condition: ir.BooleanValue) -> ir.IntegerScalar:
    return condition.fill_null(False).sum()


def repurchase_rate(raw: RawTables, points: ir.Table) -> ir.Table:
    """Return month, variant_id and repurchase_rate: the share of its buyers who bought it again."""
    buyers = count_buyers(raw, points)
    return buyers.select("month", "variant_id", repurchase_rate=_.again / _.buyers)


def count_buyers(raw: RawTables, points: ir.Table) -> ir.Table:
    """Return month, variant_id, its buyers, and again: how many of them bought it twice or more.

    Of the orders before the month; nothing for a product that nobody had bought.
    """
    by_user = ibis.window(group_by=["user_id", "variant_id"], order_by=["created_at", "order_id"])
    months = points.select("month").distinct()
    numbered = raw.purchases.mutate(earlier=ibis.row_number().over(by_user)).filter(_.earlier < 2)
    seen = numbered.join(months, numbered.day < months.month)
    return seen.group_by("month", "variant_id").aggregate(
        buyers=(_.earlier == 0).sum(), again=(_.earlier == 1).sum()
    )
