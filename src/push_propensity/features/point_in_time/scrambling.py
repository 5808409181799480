"""What happens from a moment on is made up anew, to see whether features from before notice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.features.raw_checks import COLUMNS, OPTIONAL_COLUMNS, SNOOZE_COLUMNS

KEPT_DIGITS = "4"  # of 16 hexadecimal digits, those from here on: a quarter of the rows is dropped
STRANGE_PRICE = 98_765.0
LONG_SNOOZE = timedelta(days=365)


@dataclass(frozen=True)
class Scramble:
    """From when on everything is another.

    Attributes:
        cutoff: Events at this moment and later are made up.
        until: Orders from the cutoff until this moment keep their user and time, because features
            are taken for them; what they hold is another.
        seed: Seed of what is made up.
    """

    cutoff: datetime
    until: datetime
    seed: int


def scramble_future(
    tables: Mapping[str, ir.Table | None], scramble: Scramble
) -> dict[str, ir.Table | None]:
    """Return the raw tables with another future; what was before the cutoff stays as it was.

    Orders, carts, regulars and prices from the cutoff on get the users, products and times of
    others, and a quarter of them is dropped. At the cutoff itself, whoever orders at `until` leaves
    a cart with all that is in the order, sets it as regular and snoozes it, and every product gets
    another price. Tables that have no time, and that are not there, stay as they are.

    Args:
        tables: The raw tables as `raw_tables.read_raw_tables` takes them.
        scramble: From when on.
    """
    found = {name: _used(name, table) for name, table in tables.items() if table is not None}
    changed = {
        name: scrambled(found, scramble) for name, scrambled in _SCRAMBLED.items() if name in found
    }
    return dict(tables) | changed


def _orders(tables: Mapping[str, ir.Table], scramble: Scramble) -> ir.Table:
    past, future = _at_cutoff(tables["orders"], scramble)
    dealt = _shuffle(future, "id", ["ordered_items"], scramble)
    kept = dealt.filter(_.created_at <= _moment(scramble.until))
    later = dealt.filter(_.created_at > _moment(scramble.until))
    moved = _move(later, "id", ["user_id", "created_at"], scramble)
    return _union(past, kept, moved)


def _carts(tables: Mapping[str, ir.Table], scramble: Scramble) -> ir.Table:
    past, future = _at_cutoff(tables["abandoned_carts"], scramble)
    columns = ["user_id", "created_at", "variant_id"]
    moved = _move(future, "user_id", columns, scramble)
    left = _ordered_at(tables["orders"], scramble).select(
        "user_id", created_at=_moment(scramble.cutoff), variant_id=_.ordered_items
    )
    return _union(past, moved, left)


def _regulars(tables: Mapping[str, ir.Table], scramble: Scramble) -> ir.Table:
    regulars = tables["regulars"]
    cutoff = _moment(scramble.cutoff)
    snoozed: dict[str, ir.Value] = {}
    if "snoozed_at" in regulars.columns:
        times = {name: _time(regulars[name]) for name in SNOOZE_COLUMNS}
        known = times["snoozed_at"] < cutoff
        regulars = regulars.mutate(
            **{name: known.ifelse(time, ibis.null()) for name, time in times.items()}
        )
        snoozed = {"snoozed_at": cutoff, "snoozed_until": cutoff + ibis.interval(LONG_SNOOZE)}
    past, future = _at_cutoff(regulars, scramble)
    columns = ["user_id", "created_at", "variant_id"]
    moved = _move(future, "user_id", columns, scramble)
    items = _ordered_at(tables["orders"], scramble).select(
        "user_id", variant_id=_.ordered_items.unnest()
    )
    return _union(past, moved, items.mutate(created_at=cutoff, **snoozed))


def _prices(tables: Mapping[str, ir.Table], scramble: Scramble) -> ir.Table:
    prices = tables["prices"].mutate(price=_.price.cast("float64"))
    past, future = _at_cutoff(prices, scramble)
    columns = ["variant_id", "created_at", "price"]
    moved = _move(future, "variant_id", columns, scramble)
    strange = tables["inventory"].select(
        "variant_id", created_at=_moment(scramble.cutoff), price=ibis.literal(STRANGE_PRICE)
    )
    return _union(past, moved, strange)


_SCRAMBLED: Mapping[str, Callable[[Mapping[str, ir.Table], Scramble], ir.Table]] = {
    "orders": _orders,
    "abandoned_carts": _carts,
    "regulars": _regulars,
    "prices": _prices,
}


def _used(name: str, table: ir.Table) -> ir.Table:
    """Drop the columns that no feature reads."""
    snoozes = SNOOZE_COLUMNS if name == "regulars" else {}
    known = {**COLUMNS[name], **OPTIONAL_COLUMNS.get(name, {}), **snoozes}
    return table.select(*(column for column in known if column in table.columns))


def _time(column: ir.TimestampValue) -> ir.TimestampValue:
    return column.cast("timestamp(6)")


def _moment(time: datetime) -> ir.TimestampValue:
    return ibis.literal(time).cast("timestamp(6)")


def _at_cutoff(table: ir.Table, scramble: Scramble) -> tuple[ir.Table, ir.Table]:
    timed = table.mutate(created_at=_time(_.created_at))
    is_past = timed.created_at < _moment(scramble.cutoff)
    return timed.filter(is_past), timed.filter(~is_past)


def _ordered_at(orders: ir.Table, scramble: Scramble) -> ir.Table:
    timed = orders.mutate(created_at=_time(_.created_at))
    return timed.filter(_.created_at == _moment(scramble.until))


def _move(table: ir.Table, key: str, columns: list[str], scramble: Scramble) -> ir.Table:
    """Give rows the columns of others, and drop some."""
    moved = _shuffle(table, key, columns, scramble)
    return moved.filter(_.draw >= KEPT_DIGITS, *(moved[name].notnull() for name in columns))


def _shuffle(table: ir.Table, key: str, columns: list[str], scramble: Scramble) -> ir.Table:
    """Give each row the columns of others, each of another row; null where there is none."""
    text = ibis.literal(f"{scramble.seed} {scramble.cutoff} ")
    drawn = (text + table[key].cast("string") + table.created_at.cast("string")).hexdigest("md5")
    shuffled = ibis.window(order_by="draw")
    given = {name: _[name].lag(step).over(shuffled) for step, name in enumerate(columns, 1)}
    return table.mutate(draw=drawn).mutate(**given)


def _union(past: ir.Table, *others: ir.Table) -> ir.Table:
    schema = dict(past.schema().items())
    return ibis.union(past, *(other.select(*schema).cast(schema) for other in others))
