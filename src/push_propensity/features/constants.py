"""Columns that hold the same number for many rows."""

import ibis
import ibis.expr.types as ir


def constant(value: float) -> ir.FloatingValue:
    """Return a number as float64: a plain literal is a decimal number to DuckDB."""
    return ibis.null("float64").fill_null(value)


def flag_pairs(pairs: ir.Table, name: str) -> ir.Table:
    """Return order_id, variant_id and a column that is 1.0, once per pair."""
    return pairs.select("order_id", "variant_id").distinct().mutate(constant(1.0).name(name))
