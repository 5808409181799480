"""Order lines of a small shop, and the pipeline on them in memory."""

import functools
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
from kedro.io import DataCatalog, MemoryDataset

from push_propensity.ingestion import (
    IngestionOptions,
    judge_order_lines,
    make_inventory,
    make_orders,
    make_prices,
    put_aside,
    read_sources,
    report_intake,
    take_lines_in,
)
from push_propensity.pipelines.ingestion import create_pipeline

COLUMNS = ("order_id", "user_id", "created_at", "variant_id", "quantity", "price")
OPTIONS = IngestionOptions(
    columns={"quantity": "quantity", "price": "price"}, largest_share_put_aside=0.99
)

LINES = [
    ("o1", "u1", "2024-01-01 10:00:00", "tea", "1", "2.5"),
    ("o1", "u1", "2024-01-01 10:00:00", "soap", "2", "4"),
    ("o2", "u2", "2024-01-02 09:00:00", "tea", "1", "2.75"),
    ("o3", "u1", "2024-01-05 18:30:00", "rice", "1", ""),
    ("o4", "u1", "2024-01-05 20:00:00", "tea", "3", "2.5"),
]
PRODUCT_COLUMNS = ("variant_id", "vendor", "product_type", "price")
PRODUCTS = [("tea", "acme", "drinks", "3.0"), ("salt", "corp", "spices", "-1")]


def text_table(rows, columns=COLUMNS) -> ir.Table:
    """Rows of text, as a CSV file gives them."""
    arrays = {
        name: pa.array([row[n] for row in rows], pa.string()) for n, name in enumerate(columns)
    }
    return ibis.memtable(pa.table(arrays))


def line(order="o9", user="u9", time="2024-01-09 10:00:00", product="tea", pieces="1", price="1"):
    """One line; None and text that is not what it should be are welcome."""
    return (order, user, time, product, pieces, price)


def options(**changes: Any) -> IngestionOptions:
    return IngestionOptions(**OPTIONS.model_dump() | changes)


def ingest(
    lines=LINES, products=None, previous=None, unparsed=None, chosen=OPTIONS
) -> dict[str, Any]:
    """What the nodes make of these lines: tables as lists of rows, and the report."""
    source = lines if isinstance(lines, ir.Table) else text_table(lines)
    read, listed = map(computed, read_sources(source, products, chosen))
    judged = computed(judge_order_lines(read, listed, unparsed, chosen))
    quarantine = computed(put_aside(judged))
    taken = computed(take_lines_in(judged, quarantine, previous, chosen))
    made = {
        "lines": taken,
        "quarantine": quarantine,
        "orders": computed(make_orders(taken, chosen)),
        "inventory": computed(make_inventory(taken, listed)),
        "prices": computed(make_prices(taken)),
    }
    report = report_intake(taken, quarantine, made["orders"], made["inventory"], listed, chosen)
    rows = {name: table.to_pyarrow().to_pylist() for name, table in made.items()}
    return rows | {"report": report, "tables": made}


@functools.cache
def taken_in() -> dict[str, Any]:
    """What is made of the shop's lines as they are; to look at, not to change."""
    return ingest()


def read(lines=LINES, products=None, chosen=OPTIONS):
    """The first node alone: it looks at columns and for personal data."""
    source = lines if isinstance(lines, ir.Table) else text_table(lines)
    return read_sources(source, products, chosen)


def judge(lines, chosen=OPTIONS) -> list[str]:
    """Why lines are put aside."""
    read_lines, products = read(lines, chosen=chosen)
    judged = judge_order_lines(read_lines, products, None, chosen)
    return [reason for reason in judged.to_pyarrow()["reason"].to_pylist() if reason]


def computed(table: ir.Table) -> ir.Table:
    return ibis.memtable(table.to_pyarrow())


def memory_catalog(order_lines, products=None, previous=None, unparsed=None, chosen=OPTIONS):
    """The pipeline's inputs, and its outputs, in memory."""
    data = {
        "order_lines": order_lines,
        "products": products,
        "previous_lines": previous,
        "unparsed_lines": unparsed,
        "params:ingestion": chosen,
    }
    catalog = DataCatalog()
    for name, value in data.items():
        catalog[name] = MemoryDataset(value, copy_mode="assign")
    for name in create_pipeline().all_outputs():
        catalog[name] = MemoryDataset(copy_mode="assign")
    return catalog


def reasons(made) -> list[str]:
    return [row["reason"] for row in made["quarantine"]]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)
