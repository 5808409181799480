"""Flags that are 1 for some (order, product) pairs."""

import ibis
import ibis.expr.types as ir


def flag_pairs(pairs: ir.Table, name: str) -> ir.Table:
    """Return order_id, variant_id and a column that is 1.0, once per pair."""
    one = ibis.literal(1).cast("float64")  # a plain 1.0 is a decimal number to DuckDB
    return pairs.select("order_id", "variant_id").distinct().mutate(one.name(name))
