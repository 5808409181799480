"""What was taken in and what was put aside, as numbers and as a sentence."""

import logging
from typing import Any

import ibis.expr.types as ir
from ibis import _

from push_propensity.ingestion.options import IngestionOptions
from push_propensity.ingestion.taking_in import count_reasons
from push_propensity.ingestion.values import read_id

logger = logging.getLogger(__name__)


def report_intake(
    lines: ir.Table,
    quarantine: ir.Table,
    orders: ir.Table,
    inventory: ir.Table,
    products: ir.Table,
    options: IngestionOptions,
) -> dict[str, Any]:
    """Return what was taken in and put aside, and say it once.

    Counts only, fit for JSON. rows = taken_in + put_aside.rows + both duplicates.
    """
    reasons = count_reasons(quarantine)
    aside = sum(reasons.values())
    [taken] = lines.aggregate(
        rows=_.lines.sum().cast("int64"),
        taken_in=_.count(),
        different=_.different_lines.sum().cast("int64"),
        orders=_.order_id.nunique(),
        users=_.user_id.nunique(),
        without_price=_.count(where=_.price.isnull()),
    ).to_pyarrow().to_pylist()  # fmt: skip
    rows = taken["rows"] + aside
    report = {
        "rows": rows,
        "taken_in": taken["taken_in"],
        "put_aside": {"rows": aside, "share": aside / rows, "reasons": reasons},
        "duplicates": {
            "same_line": taken["rows"] - taken["different"],
            "same_product_in_order": taken["different"] - taken["taken_in"],
        },
        "late": _late(lines),
        "orders": {"in_lines": taken["orders"], "merging": options.merge_orders} | _orders(orders),
        "users": taken["users"],
        "lines_without_price": taken["without_price"],
        "products": inventory.count().to_pyarrow().as_py(),
        "products_table": _products(products.select(variant_id=read_id(products.variant_id))),
    }
    logger.info(describe(report))
    return report


def describe(report: dict[str, Any]) -> str:
    """Say in one sentence what `report_intake` counted."""
    aside, orders = report["put_aside"], report["orders"]
    reasons = "; ".join(f"{reason}: {number:,}" for reason, number in aside["reasons"].items())
    merged = sum(report["duplicates"].values())
    return (
        f"Took in {report['taken_in']:,} of {report['rows']:,} order lines: {orders['rows']:,} "
        f"orders of {report['users']:,} users, {report['products']:,} products, "
        f"{orders['first_day']} to {orders['last_day']}. Merged {merged:,} duplicates; "
        f"{report['late']['lines']:,} lines came late. Put aside {aside['rows']:,}"
        + (f" ({reasons})." if reasons else ".")
    )


def _orders(orders: ir.Table) -> dict[str, Any]:
    [found] = orders.aggregate(
        rows=_.count(), first_day=_.created_at.min(), last_day=_.created_at.max()
    ).to_pyarrow().to_pylist()  # fmt: skip
    return {"rows": found["rows"]} | _days(found)


def _late(lines: ir.Table) -> dict[str, Any]:
    late = lines.filter(_.late)
    [found] = late.aggregate(
        lines=_.lines.sum().fill_null(0).cast("int64"),
        orders=_.order_id.nunique(),
        first_day=_.created_at.min(),
        last_day=_.created_at.max(),
    ).to_pyarrow().to_pylist()  # fmt: skip
    return {"lines": found["lines"], "orders": found["orders"]} | _days(found)


def _products(products: ir.Table) -> dict[str, int]:
    [found] = products.aggregate(
        rows=_.count(),
        without_id=_.count(where=_.variant_id.isnull()),
        ids=_.variant_id.nunique(),
    ).to_pyarrow().to_pylist()  # fmt: skip
    doubled = found["rows"] - found["without_id"] - found["ids"]
    return {"rows": found["rows"], "without_id": found["without_id"], "doubled": doubled}


def _days(found: dict[str, Any]) -> dict[str, str | None]:
    return {
        name: found[name] and found[name].date().isoformat() for name in ("first_day", "last_day")
    }
