"""The first look at the sources, in their own engine: before any row is taken over."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import ibis.expr.types as ir

from push_propensity.errors import DataError
from push_propensity.ingestion.options import IngestionOptions
from push_propensity.ingestion.personal_data import check_decisions, check_personal_data
from push_propensity.ingestion.read_errors import explain_read_error
from push_propensity.ingestion.sources import mapped, select_columns

LINES, PRODUCTS = "order_lines", "products"


def read_sources(
    order_lines: ir.Table, products: ir.Table | None, options: IngestionOptions
) -> tuple[ir.Table, ir.Table]:
    """Check both sources and return their mapped columns under our names, lazy.

    Args:
        order_lines: One row per order and product.
        products: One row per product, where the shop has such a table.
        options: Which columns hold what, and what happens to those that look personal.

    Returns:
        The lines and the products; these have no rows where there is no such table.

    Raises:
        DataError: A mapped column is missing or of a type that cannot be read, a column looks
            personal and nobody decided about it, a decision cannot be carried out, or a sample of
            the values cannot be read.
    """
    columns = options.columns
    lines = select_columns(LINES, order_lines, columns, options)
    used = {*mapped(columns).values()}
    found = {*order_lines.columns}
    if products is not None:
        listed = select_columns(PRODUCTS, products, options.product_columns, options)
        used |= {*mapped(options.product_columns).values()}
        found |= {*products.columns}
    elif options.unknown_products == "put_aside":
        raise DataError(
            "ingestion.unknown_products is put_aside and there is no table of products. Give the "
            "catalog's entry products one, or keep unknown products."
        )
    else:
        listed = lines.select("variant_id").limit(0)
    decisions = options.personal_data
    check_decisions(decisions, found, {columns.order_id, columns.user_id}, used)
    with _no_values_in_errors(LINES):
        names = {column for column in order_lines.columns if column.lower() == "name"} - used
        check_personal_data(LINES, order_lines, decisions, {columns.user_id, *names})
    if products is not None:
        with _no_values_in_errors(PRODUCTS):
            check_personal_data(PRODUCTS, products, decisions)
    return lines, listed


@contextmanager
def _no_values_in_errors(name: str) -> Iterator[None]:
    """Turn what DuckDB says about a row, which quotes it, into a message without its values."""
    try:
        yield
    except duckdb.Error as error:
        raise explain_read_error(error, name) or DataError(
            f"The rows of {name} cannot be read. Check the format that its catalog entry gives."
        ) from None
