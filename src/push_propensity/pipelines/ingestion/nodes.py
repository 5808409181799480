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
    read_products,
    summarise,
    tables,
)

logger = logging.getLogger(__name__)


def judge_order_lines(
    lines_as_read: ir.Table,
    products_as_read: ir.Table,
    unparsed_lines: ir.Table | None,
    ingestion: IngestionOptions,
) -> ir.Table:
    """Return each line typed, with the reason for which it is put aside, if there is one."""
    products = read_products(products_as_read)
    return judge_lines(lines_as_read, products, unparsed_lines, ingestion)


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


def report_intake(
    ingested_lines: ir.Table,
    quarantine: ir.Table,
    orders: ir.Table,
    inventory: ir.Table,
    products_as_read: ir.Table,
    ingestion: IngestionOptions,
) -> dict[str, Any]:
    """Return what was taken in and put aside, and say it once."""
    products = read_products(products_as_read)
    report = summarise(ingested_lines, quarantine, orders, inventory, products, ingestion)
    logger.info(describe(report))
    return report
