"""What the raw tables must look like."""

from collections.abc import Mapping

import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from push_propensity.errors import DataError

ID = "whole number or text"
IDS = "list of ids"
NUMBER = "number"
TEXT = "text"
TIME = "timestamp without time zone"

HOUSEHOLD_COUNTS = ("count_adults", "count_children", "count_babies", "count_pets")

REQUIRED_TABLES = ("orders", "inventory")
COLUMNS: dict[str, dict[str, str]] = {
    "orders": {"id": ID, "user_id": ID, "created_at": TIME, "ordered_items": IDS},
    "inventory": {"variant_id": ID},
    "users": {"user_id": ID},
    "regulars": {"user_id": ID, "variant_id": ID, "created_at": TIME},
    "abandoned_carts": {"user_id": ID, "created_at": TIME, "variant_id": IDS},
    "prices": {"variant_id": ID, "created_at": TIME, "price": NUMBER},
}
SNOOZE_COLUMNS = {"snoozed_at": TIME, "snoozed_until": TIME}
OPTIONAL_COLUMNS: dict[str, dict[str, str]] = {
    "orders": {"user_order_seq": NUMBER},
    "inventory": {
        "price": NUMBER,
        "compare_at_price": NUMBER,
        "vendor": TEXT,
        "product_type": TEXT,
        "name": TEXT,
    },
    "users": dict.fromkeys(HOUSEHOLD_COUNTS, NUMBER),
}

_UNIQUE = {"orders": "id", "users": "user_id", "inventory": "variant_id"}
_SAME_TYPE = (
    (("orders", "user_id"), ("users", "user_id")),
    (("orders", "user_id"), ("regulars", "user_id")),
    (("orders", "user_id"), ("abandoned_carts", "user_id")),
    (("inventory", "variant_id"), ("orders", "ordered_items")),
    (("inventory", "variant_id"), ("regulars", "variant_id")),
    (("inventory", "variant_id"), ("abandoned_carts", "variant_id")),
    (("inventory", "variant_id"), ("prices", "variant_id")),
)

Tables = Mapping[str, ir.Table]


def check_raw_tables(tables: Mapping[str, ir.Table | None]) -> dict[str, ir.Table]:
    """Check the raw tables, from what is easy to say to what needs their rows.

    Args:
        tables: The tables named in `COLUMNS`; those not in `REQUIRED_TABLES` may be None or have no
            rows. Columns that are named neither there nor in `OPTIONAL_COLUMNS` do not matter.

    Returns:
        The tables that are there and have rows.

    Raises:
        DataError: A required table is not there or has no rows, a column is missing or has the
            wrong type, an id or time is missing, an id is doubled, two tables hold the same ids in
            different types, or no user has a second order.
    """
    found = find_tables(tables)
    check_columns(found)
    check_id_types(found)
    check_ids(found)
    check_repeat_orders(found["orders"])
    return found


def find_tables(tables: Mapping[str, ir.Table | None]) -> dict[str, ir.Table]:
    """Return the tables that have rows; raise a DataError that names required ones without.

    Comes first because a file without rows seldom keeps its columns' types.
    """
    found = {
        name: table
        for name, table in tables.items()
        if table is not None and table.count().to_pyarrow().as_py()
    }
    empty = [name for name in REQUIRED_TABLES if name not in found]
    if empty:
        raise DataError(
            f"The raw tables {', '.join(empty)} have no rows; each needs at least one. "
            "Check the files that the catalog points at."
        )
    return found


def check_columns(tables: Tables) -> None:
    """Raise a DataError that lists every missing column and every column of a wrong type."""
    problems = []
    for name, table in tables.items():
        schema = table.schema()
        snoozes = name == "regulars" and any(column in schema for column in SNOOZE_COLUMNS)
        optional = OPTIONAL_COLUMNS.get(name, {})
        given = {column: kind for column, kind in optional.items() if column in schema}
        known = COLUMNS[name] | given | (SNOOZE_COLUMNS if snoozes else {})
        problems += [
            f"{name}.{column} ({kind}) is "
            + (f"{schema[column]}" if column in schema else "missing")
            for column, kind in known.items()
            if column not in schema or not _is_kind(schema[column], kind)
        ]
    if problems:
        raise DataError(
            "The raw tables do not have the columns they need: "
            + "; ".join(problems)
            + ". Add or convert them."
        )


def check_id_types(tables: Tables) -> None:
    """Raise a DataError if the same ids are numbers in one table and text in another."""
    for (left, left_column), (right, right_column) in _SAME_TYPE:
        if not {left, right} <= set(tables):
            continue
        left_type = _id_type(tables[left].schema()[left_column])
        right_type = _id_type(tables[right].schema()[right_column])
        if left_type.is_string() != right_type.is_string():
            raise DataError(
                f"{left}.{left_column} holds {left_type} ids and {right}.{right_column} holds "
                f"{right_type} ids, so they cannot be matched. Write both as the same type."
            )


def check_ids(tables: Tables) -> None:
    """Raise a DataError that counts missing ids and times, and ids that stand for several rows."""
    problems = [
        f"{name}.{column} in {number} rows"
        for name, table in tables.items()
        for column, number in _count_problems(name, table).items()
        if number
    ]
    if problems:
        raise DataError(
            "Ids and times must be there, and one id must stand for one row. Missing or doubled: "
            + "; ".join(problems)
            + ". Correct or drop these rows."
        )


def check_repeat_orders(orders: ir.Table) -> None:
    """Raise a DataError if no user has a second order."""
    if "user_order_seq" in orders.columns:
        repeated = (orders.user_order_seq >= 2).any()
    else:
        repeated = orders.count() > orders.user_id.nunique()
    if not repeated.to_pyarrow().as_py():
        raise DataError(
            "No user has a second order (user_order_seq of 2 or more), so there is nothing to "
            "predict: the frame holds repeat orders only. Add the users' later orders."
        )


def check_names(names: ir.Table | None) -> None:
    """Raise a DataError if no product has a name."""
    if names is None or not names.count().to_pyarrow().as_py():
        raise DataError(
            "feature_options.extended.groups asks for text, and no product of the inventory has a "
            "name. Give the inventory a column name (ingestion.product_columns.name says which "
            "column of the products holds it), or leave text out of the groups."
        )


def _is_kind(found: dt.DataType, kind: str) -> bool:
    fits = {
        ID: found.is_integer() or found.is_string(),
        IDS: found.is_array() and (_id_type(found).is_integer() or _id_type(found).is_string()),
        NUMBER: found.is_numeric(),
        TEXT: found.is_string(),
        TIME: found.is_timestamp() and found.timezone is None,
    }
    return bool(fits[kind])


def _id_type(found: dt.DataType) -> dt.DataType:
    return found.value_type if found.is_array() else found


def _count_problems(name: str, table: ir.Table) -> dict[str, int]:
    required = [column for column, kind in COLUMNS[name].items() if kind in (ID, TIME)]
    if name == "orders" and "user_order_seq" in table.columns:
        required.append("user_order_seq")
    measures = {column: table[column].isnull().sum() for column in required}
    if name in _UNIQUE:
        column = _UNIQUE[name]
        measures[column] = table.count() - table[column].nunique()
    [counts] = table.aggregate(**measures).to_pyarrow().to_pylist()
    return dict(counts)
