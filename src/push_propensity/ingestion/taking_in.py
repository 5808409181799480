"""The rows that are taken in, once per order and product, and those that are put aside."""

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.errors import DataError
from push_propensity.ingestion.judging import CATEGORIES, FIELDS, IDS, UNREADABLE_LINE
from push_propensity.ingestion.options import IngestionOptions
from push_propensity.ingestion.values import mask_id


def put_aside(judged: ir.Table) -> ir.Table:
    """Return the rows that are not taken in, each with its reason, without personal data.

    Returns:
        `reason`; `line`: the number of a line that could not be parsed; order_id, user_id and
        variant_id as text, of which only the shape is kept (9 for a digit, a for a letter) where
        they do not look like an opaque id; created_at, quantity and price where they could be
        read; `unreadable`: the shape of the value that could not.
    """
    rows = judged.filter(_.reason.notnull()).mutate(**{name: mask_id(_[name]) for name in IDS})
    order = ("reason", "line", "order_id", "variant_id")
    rest = ("user_id", "created_at", "quantity", "price", "unreadable")
    return rows.select(*order, *rest).order_by(*order, *rest)


def count_reasons(quarantine: ir.Table) -> dict[str, int]:
    """Return how many rows were put aside for which reason, the most frequent first."""
    counts = quarantine.group_by("reason").aggregate(rows=_.count())
    rows = counts.order_by(_.rows.desc(), "reason").to_pyarrow().to_pylist()
    return {row["reason"]: row["rows"] for row in rows}


def _check_share_put_aside(judged: ir.Table, quarantine: ir.Table, largest_share: float) -> None:
    rows = judged.count().to_pyarrow().as_py()
    if not rows:
        raise DataError(
            "The order lines have no rows; at least one is needed. Check the source that the "
            "catalog's entry order_lines names."
        )
    reasons = count_reasons(quarantine)
    aside = sum(reasons.values())
    if aside == rows or aside > largest_share * rows:
        counted = "; ".join(f"{reason}: {number}" for reason, number in reasons.items())
        raise DataError(
            f"{aside} of {rows} order lines cannot be taken in, more than the allowed share of "
            f"{largest_share:g}: {counted}. They are in the quarantine file. Correct the source or "
            "its description in the parameters ingestion, or raise "
            f"ingestion.largest_share_put_aside.{_hint(reasons)}"
        )


def _hint(reasons: Mapping[str, int]) -> str:
    """What else to look at where lines as such cannot be read."""
    if next(iter(reasons), None) != UNREADABLE_LINE:
        return ""
    return (
        " Lines that cannot be read mostly have another encoding, delimiter or quote than "
        "load_args of the catalog entry order_lines says."
    )


def take_lines_in(
    judged: ir.Table, quarantine: ir.Table, previous: ir.Table | None, options: IngestionOptions
) -> ir.Table:
    """Return what is taken in, one row per order and product.

    The same line twice is one line. Several lines of one product in an order become one: the
    pieces are added, and the earliest time and the highest price count.

    Args:
        judged: The rows of the source, as `judging.judge_order_lines` gives them.
        quarantine: What of them is put aside.
        previous: What the previous run took in, if there was one. Lines of orders that it lacks
            and that are older than its latest line are late.
        options: The largest share that may be put aside.

    Returns:
        The columns of `judging.FIELDS`, and: `lines`, the rows of the source that the row stands
        for; `different_lines`, how many of them differ; `late`. By time, order and product.

    Raises:
        DataError: No row can be taken in, or more than the largest share is put aside; gives the
            reasons with their counts.
    """
    _check_share_put_aside(judged, quarantine, options.largest_share_put_aside)
    distinct = judged.filter(_.reason.isnull()).group_by(*FIELDS).aggregate(copies=_.count())
    highest = ("price", *CATEGORIES)
    merged = distinct.group_by("order_id", "variant_id").aggregate(
        user_id=_.user_id.min(),
        created_at=_.created_at.min(),
        quantity=_.quantity.sum(),
        **{name: _[name].max() for name in highest},
        lines=_.copies.sum().cast("int64"),
        different_lines=_.count(),
    )
    marked = merged.mutate(late=False) if previous is None else _mark_late(merged, previous)
    columns = (*FIELDS, "lines", "different_lines", "late")
    return marked.select(*columns).order_by("created_at", "order_id", "variant_id")


def _mark_late(merged: ir.Table, previous: ir.Table) -> ir.Table:
    orders = previous.select(known_id=_.order_id.cast("string")).distinct()
    latest = previous.created_at.max().as_scalar()
    joined = merged.left_join(orders, merged.order_id.cast("string") == orders.known_id)
    late = _.known_id.isnull() & (_.created_at < latest)
    return joined.mutate(late=late.fill_null(ibis.literal(False)))
