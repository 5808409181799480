"""The raw tables that feature_engineering reads, made of what was taken in."""

import ibis
import ibis.expr.types as ir
from ibis import _

from push_propensity.ingestion.options import IngestionOptions
from push_propensity.ingestion.values import read_id, read_number, read_text

MEASURES = ("price", "compare_at_price")
CATEGORIES = ("vendor", "product_type")
NAME = "name"


def make_orders(lines: ir.Table, options: IngestionOptions) -> ir.Table:
    """Return the orders of the lines that were taken in.

    Args:
        lines: As `taking_in.take_lines_in` gives them.
        options: With `merge_orders` `same_day` the orders of a user on one calendar day are one,
            with the id and the time of the first.

    Returns:
        One row per order, by time and id: id, user_id, created_at, user_order_seq (counts the
        user's orders from 1) and ordered_items (the order's products, each once, sorted).
    """
    orders = lines.group_by("order_id").aggregate(
        user_id=_.user_id.min(), created_at=_.created_at.min()
    )
    day = ibis.window(
        group_by=[orders.user_id, orders.created_at.date()],
        order_by=[orders.created_at, orders.order_id],
    )
    kept = (
        orders.order_id.first().over(day) if options.merge_orders == "same_day" else orders.order_id
    )
    named = orders.mutate(id=kept)
    # Collecting in order, or distinct items, would need many times the memory.
    items = lines.join(named.select("order_id", "id"), "order_id").select("id", "variant_id")
    baskets = items.distinct().group_by("id").aggregate(ordered_items=_.variant_id.collect())
    first = named.group_by("id").aggregate(user_id=_.user_id.min(), created_at=_.created_at.min())
    whole = first.join(baskets, "id").mutate(ordered_items=_.ordered_items.sort())
    history = ibis.window(group_by="user_id", order_by=["created_at", "id"])
    counted = whole.mutate(user_order_seq=ibis.row_number().over(history) + 1)
    columns = ("id", "user_id", "created_at", "user_order_seq", "ordered_items")
    return counted.select(*columns).order_by("created_at", "id")


def make_inventory(lines: ir.Table, products: ir.Table) -> ir.Table:
    """Return the products: those that were sold and those of the products table.

    Prices are those of the products table alone: the ones that lines show have a time, and are in
    `make_prices`.

    Args:
        lines: As `taking_in.take_lines_in` gives them.
        products: As `reading.read_sources` gives them; what cannot be read and negative prices
            count as missing. Of a doubled product the row counts that comes first when all columns
            are sorted.

    Returns:
        One row per product: variant_id; vendor and product_type, those of the latest line that
        names one where the products table names none; price, compare_at_price and name where the
        products table has such a column.
    """
    products = _read_products(products)
    latest = [_.created_at, _.order_id]
    sold = lines.group_by("variant_id").aggregate(
        **{name: _[name].last(where=_[name].notnull(), order_by=latest) for name in CATEGORIES}
    )
    listed = _one_row_each(products).mutate(variant_id=_.variant_id.cast(sold.variant_id.type()))
    ids = sold.select("variant_id").union(listed.select("variant_id"), distinct=True)
    named = sold.rename(**{f"sold_{name}": name for name in CATEGORIES})
    joined = ids.left_join(listed, "variant_id").left_join(named, "variant_id")
    categories = {name: joined[name].coalesce(joined[f"sold_{name}"]) for name in CATEGORIES}
    given = [name for name in (*MEASURES, NAME) if name in products.columns]
    return joined.select("variant_id", *given, **categories).order_by("variant_id")


def _read_products(products: ir.Table) -> ir.Table:
    """Return the products typed; what cannot be read and negative prices are null."""
    numbers = {name: read_number(products[name]) for name in MEASURES if name in products.columns}
    texts = {
        name: read_text(products[name]) if name in products.columns else ibis.null("string")
        for name in CATEGORIES
    }
    if NAME in products.columns:
        texts[NAME] = read_text(products[NAME])
    typed = products.select(variant_id=read_id(products.variant_id), **numbers, **texts)
    positive = {name: (_[name] >= 0).ifelse(_[name], ibis.null("float64")) for name in numbers}
    return typed.mutate(**positive)


def _one_row_each(products: ir.Table) -> ir.Table:
    rank = ibis.row_number().over(group_by="variant_id", order_by=products.columns)
    there = products.filter(_.variant_id.notnull())
    return there.mutate(rank=rank).filter(_.rank == 0).drop("rank")


def make_prices(lines: ir.Table) -> ir.Table:
    """Return each price above 0 that a line shows, at the line's time.

    A price of an order is part of its outcome: features use the last one known before. Of several
    prices at one time the highest counts, which is the one without a discount on quantities.

    Returns:
        One row per product and time, by these: variant_id, created_at, price. No rows where the
        lines show no price.
    """
    priced = lines.filter(_.price > 0).group_by("variant_id", "created_at")
    return priced.aggregate(price=_.price.max()).order_by("variant_id", "created_at")
