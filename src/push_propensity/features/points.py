"""The points in time at which features are taken.

A point is a user at a moment: just before, or hours before, one of the repeat orders, to
learn from; or a moment of one's choice for every active user, to score. Whatever is made of a
point uses only what was before its moment.

Every table of points has the columns order_id, user_id, created_at, moment, day and month (those
of the moment, see `raw_tables`) and user_order_seq (which of the user's orders the next one is).
"""

from datetime import date, datetime, timedelta

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.features.raw_tables import RawTables, day_number, month_number


def repeat_orders(
    raw: RawTables,
    lag_hours: float = 0.0,
    first_day: date | None = None,
    after: datetime | None = None,
) -> ir.Table:
    """Return a point for each order that is not its user's first.

    Args:
        raw: The raw tables.
        lag_hours: How long before the order the moment is.
        first_day: The first day whose orders get a point; None: every day.
        after: Only orders made later get a point; None: all do.
    """
    orders = raw.orders.filter(_.user_order_seq >= 2)
    if first_day is not None:
        orders = orders.filter(_.day >= (first_day - date(1970, 1, 1)).days)
    if after is not None:
        orders = orders.filter(_.created_at > ibis.literal(after).cast("timestamp(6)"))
    if not lag_hours:
        return orders.mutate(moment=_.created_at).drop("position", "basket_size")
    lag = ibis.interval(seconds=round(lag_hours * 3600))
    points = orders.drop("user_order_seq", "position", "basket_size")
    return _with_next_order(raw, points.mutate(moment=_.created_at - lag))


def active_users(raw: RawTables, as_of: datetime, active_days: int) -> ir.Table:
    """Return a point at one moment for each user with an order in the days before it.

    The user's id stands for that of the order, which nobody knows yet.

    Args:
        raw: The raw tables.
        as_of: The moment.
        active_days: How many days of 24 hours back a user's latest order may be.
    """
    moment = ibis.literal(as_of).cast("timestamp(6)")
    since = ibis.literal(as_of - timedelta(days=active_days)).cast("timestamp(6)")
    lately = raw.orders.filter((_.created_at < moment) & (_.created_at >= since))
    users = lately.select("user_id").distinct()
    points = users.mutate(order_id=_.user_id, created_at=moment, moment=moment)
    return _with_next_order(raw, points)


def just_after_the_data(raw: RawTables) -> datetime:
    """Return the moment right after the latest order, which knows every order."""
    latest: datetime = raw.orders.created_at.max().to_pyarrow().as_py()
    return latest + timedelta(microseconds=1)


def _with_next_order(raw: RawTables, moments: ir.Table) -> ir.Table:
    """Add the dates of the moments and which of the user's orders the next one is."""
    points = moments.mutate(day=day_number(_.moment), month=month_number(_.moment))
    latest = past_orders(raw, points).group_by("order_id").aggregate(latest=_.user_order_seq.max())
    joined = points.left_join(latest, "order_id").drop("order_id_right")
    return joined.mutate(user_order_seq=_.latest.fill_null(0) + 1).drop("latest")


def known_orders(raw: RawTables, points: ir.Table) -> ir.Table:
    """Return order_id and known_orders: how many orders the user had made before the moment.

    Points without any are not there.
    """
    past = past_orders(raw, points)
    return past.group_by("order_id").aggregate(known_orders=_.position.max())


def sum_before_months(monthly: ir.Table, points: ir.Table, keys: list[str]) -> ir.Table:
    """Return what was counted in all months before that of each point, by the keys.

    Args:
        monthly: Columns month, the keys, and counts of what became known in the month.
        points: The points.
        keys: Of what is counted.

    Returns:
        Columns month (one of the points'), the keys and the counts' sums.
    """
    counts = [name for name in monthly.columns if name not in ("month", *keys)]
    earlier = monthly.rename(known="month")
    months = points.select("month").distinct()
    before = earlier.join(months, earlier.known < months.month)
    return before.group_by("month", *keys).aggregate(**{name: _[name].sum() for name in counts})


def past_orders(raw: RawTables, points: ir.Table) -> ir.Table:
    """Return the orders that each point's user had made before its moment.

    Returns:
        Columns order_id (that of the point), today (the point's day), and of the past order:
        user_order_seq, position, ordered_at, day, basket_size.
    """
    values = ("user_order_seq", "position", "ordered_at", "basket_size")
    renamed = raw.orders.rename(ordered_at="created_at", past_day="day")
    orders = renamed.select("user_id", "past_day", *values)
    moments = points.select("order_id", "user_id", "moment", today="day")
    joined = moments.join(
        orders, [moments.user_id == orders.user_id, orders.ordered_at < moments.moment]
    )
    return joined.select("order_id", "today", *values, day="past_day")
