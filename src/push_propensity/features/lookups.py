"""Columns looked up in smaller tables."""

from collections.abc import Mapping, Sequence

import ibis
import ibis.expr.types as ir


def add_values(
    rows: ir.Table, values: ir.Table, keys: Sequence[str], defaults: Mapping[str, float | str]
) -> ir.Table:
    """Add the columns of `values`, found by the keys; what is missing gets the column's default.

    Args:
        rows: Any table with the keys.
        values: At most one row per combination of the keys.
        keys: Columns of both tables.
        defaults: Column of `values` -> what stands where it is missing.
    """
    joined = rows.left_join(values, list(keys))
    return joined.select(*rows.columns, *defaults).fill_null(dict(defaults))


def add_flag(rows: ir.Table, pairs: ir.Table, name: str) -> ir.Table:
    """Add a column that is 1 where `pairs` holds the row's order_id and variant_id, else 0.

    The column is of whole numbers: DuckDB would take the literal 1.0 for a decimal, which Ibis
    takes for a float already and so never casts.
    """
    keys = ("order_id", "variant_id")
    flagged = pairs.select(*keys).distinct().mutate(ibis.literal(1).name(name))
    return add_values(rows, flagged, keys, {name: 0})
