"""Nodes of the `ingestion` pipeline."""

import logging
from typing import Any

import ibis.expr.types as ir

from push_propensity.ingestion import (
    IngestionOptions,
    check_share_put_aside,
    describe,
    judge_lines,
    merge_lines,
    put_aside,
    read_products,
    read_sources,
    summarise,
    tables,
)

logger = logging.getLogger(__name__)


def read_order_lines(
    order_lines: ir.Table, products: ir.Table | None, ingestion: IngestionOptions
) -> tuple[ir.Table, ir.Table]:
    """Return the mapped columns of both sources, after looking for personal data.

    Raises:
        DataError: A source cannot be used; see `read_sources`.
    """
    return read_sources(order_lines, products, ingestion)


def judge_order_lines(
    lines_as_read: ir.Table,
    products_as_read: ir.Table,
    unparsed_lines: ir.Table | None,
    ingestion: IngestionOptions,
) -> ir.Table:
    """Return each line typed, with the reason for which it is put aside, if there is one."""
    products = read_products(products_as_read)
    return judge_lines(lines_as_read, products, unparsed_lines, ingestion)


def put_lines_aside(judged_lines: ir.Table) -> ir.Table:
    """Return the lines that are not taken in, without personal data."""
    return put_aside(judged_lines)


def take_lines_in(
    judged_lines: ir.Table,
    quarantine: ir.Table,
    previous_lines: ir.Table | None,
    ingestion: IngestionOptions,
) -> ir.Table:
    """Return what is taken in, one row per order and product.

    Raises:
        DataError: Too large a share was put aside.
    """
    check_share_put_aside(judged_lines, quarantine, ingestion.largest_share_put_aside)
    return merge_lines(judged_lines, previous_lines)


def make_orders(ingested_lines: ir.Table, ingestion: IngestionOptions) -> ir.Table:
    """Return one row per order with the list of its products."""
    return tables.make_orders(ingested_lines, ingestion.merge_orders)


def make_inventory(ingested_lines: ir.Table, products_as_read: ir.Table) -> ir.Table:
    """Return one row per product."""
    return tables.make_inventory(ingested_lines, read_products(products_as_read))


def make_prices(ingested_lines: ir.Table) -> ir.Table:
    """Return the prices that lines show, each from its time on."""
    return tables.make_prices(ingested_lines)


def report_intake(
    ingested_lines: ir.Table,
    quarantine: ir.Table,
    ingested_orders: ir.Table,
    ingested_inventory: ir.Table,
    products_as_read: ir.Table,
    ingestion: IngestionOptions,
) -> dict[str, Any]:
    """Return what was taken in and put aside, and say it once."""
    products = read_products(products_as_read)
    report = summarise(
        ingested_lines, quarantine, ingested_orders, ingested_inventory, products, ingestion
    )
    logger.info(describe(report))
    return report
