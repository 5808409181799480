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

COLUMNS: dict[str, dict[str, str]] = {
    "orders": {
        "id": ID,
        "user_id": ID,
        "created_at": TIME,
        "user_order_seq": NUMBER,
        "ordered_items": IDS,
    },
    "users": {"user_id": ID, **dict.fromkeys(HOUSEHOLD_COUNTS, NUMBER)},
    "inventory": {
        "variant_id": ID,
        "price": NUMBER,
        "compare_at_price": NUMBER,
        "vendor": TEXT,
        "product_type": TEXT,
    },
    "regulars": {"user_id": ID, "variant_id": ID, "created_at": TIME},
    "abandoned_carts": {"user_id": ID, "created_at": TIME, "variant_id": IDS},
}
SNOOZE_COLUMNS = {"snoozed_at": TIME, "snoozed_until": TIME}

_UNIQUE = {"orders": "id", "users": "user_id", "inventory": "variant_id"}
_REQUIRED = {
    "orders": ("id", "user_id", "created_at", "user_order_seq"),
    "users": ("user_id",),
    "inventory": ("variant_id",),
    "regulars": ("user_id", "variant_id", "created_at"),
    "abandoned_carts": ("user_id", "created_at"),
}
_SAME_TYPE = (
    (("orders", "user_id"), ("users", "user_id")),
    (("orders", "user_id"), ("regulars", "user_id")),
    (("orders", "user_id"), ("abandoned_carts", "user_id")),
    (("inventory", "variant_id"), ("orders", "ordered_items")),
    (("inventory", "variant_id"), ("regulars", "variant_id")),
    (("inventory", "variant_id"), ("abandoned_carts", "variant_id")),
)


def check_raw_tables(tables: Mapping[str, ir.Table]) -> None:
    """Check the raw tables, from what is easy to say to what needs their rows.

    Args:
        tables: The tables named in `COLUMNS`; columns that are not named there do not matter.

    Raises:
        DataError: A table lacks columns or rows, a column has the wrong type, an id or time is
            missing, an id is doubled, two tables hold the same ids in different types, or no
            user has a second order.
    """
    check_not_empty(tables)
    check_columns(tables)
    check_id_types(tables)
    check_ids(tables)
    if not (tables["orders"].user_order_seq >= 2).any().to_pyarrow().as_py():
        raise DataError(
            "No order has a user_order_seq of 2 or more, so there is nothing to predict: the "
            "frame holds repeat orders only. Add the users' later orders."
        )


def check_not_empty(tables: Mapping[str, ir.Table]) -> None:
    """Raise a DataError that names the tables without rows.

    Comes first because a file without rows seldom keeps its columns' types.
    """
    empty = [name for name in COLUMNS if not tables[name].count().to_pyarrow().as_py()]
    if empty:
        raise DataError(
            f"The raw tables {', '.join(empty)} have no rows; each needs at least one. "
            "Check the files that the catalog points at."
        )


def check_columns(tables: Mapping[str, ir.Table]) -> None:
    """Raise a DataError that lists every missing column and every column of a wrong type."""
    problems = []
    for name, columns in COLUMNS.items():
        schema = tables[name].schema()
        snoozes = name == "regulars" and any(column in schema for column in SNOOZE_COLUMNS)
        known = columns | (SNOOZE_COLUMNS if snoozes else {})
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


def check_id_types(tables: Mapping[str, ir.Table]) -> None:
    """Raise a DataError if the same ids are numbers in one table and text in another."""
    for (left, left_column), (right, right_column) in _SAME_TYPE:
        left_type = _id_type(tables[left].schema()[left_column])
        right_type = _id_type(tables[right].schema()[right_column])
        if left_type.is_string() != right_type.is_string():
            raise DataError(
                f"{left}.{left_column} holds {left_type} ids and {right}.{right_column} holds "
                f"{right_type} ids, so they cannot be matched. Write both as the same type."
            )


def check_ids(tables: Mapping[str, ir.Table]) -> None:
    """Raise a DataError that counts missing ids and times, and ids that stand for several rows."""
    problems = [
        f"{name}.{column} in {number} rows"
        for name in COLUMNS
        for column, number in _count_problems(name, tables[name]).items()
        if number
    ]
    if problems:
        raise DataError(
            "Ids and times must be there, and one id must stand for one row. Missing or doubled: "
            + "; ".join(problems)
            + ". Correct or drop these rows."
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
    measures = {column: table[column].isnull().sum() for column in _REQUIRED[name]}
    if name in _UNIQUE:
        column = _UNIQUE[name]
        measures[column] = table.count() - table[column].nunique()
    [counts] = table.aggregate(**measures).to_pyarrow().to_pylist()
    return dict(counts)
