"""The order lines and products as they come: checked and brought to our names."""

import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from push_propensity.errors import DataError
from push_propensity.ingestion.options import IngestionOptions, LineColumns, ProductColumns
from push_propensity.ingestion.values import plain

ID = "whole number or text"
NUMBER = "number, or text that holds one"
TEXT = "text"
TIME = "timestamp, date, or text that holds one"

KINDS = {
    "order_id": ID,
    "user_id": ID,
    "created_at": TIME,
    "variant_id": ID,
    "quantity": NUMBER,
    "price": NUMBER,
    "compare_at_price": NUMBER,
    "vendor": TEXT,
    "product_type": TEXT,
    "name": TEXT,
}


def select_columns(
    name: str,
    source: ir.Table,
    columns: LineColumns | ProductColumns,
    options: IngestionOptions,
) -> ir.Table:
    """Return the mapped columns of a source under our names, in the source's own engine.

    Args:
        name: What the source is called in messages.
        source: The table as it came.
        columns: Which of its columns holds what.
        options: The shop's time zone, without which times must have none, and what stands before
            the decimals of numbers that are text.

    Raises:
        DataError: A mapped column is missing or has a type that cannot hold what it should.
    """
    check_mapped_columns(name, source, columns)
    check_types(name, source, columns, options.time_zone)
    return source.select(
        **{
            field: _with_point(plain(source[column]), KINDS[field], options.decimal)
            for field, column in mapped(columns).items()
        }
    )


def _with_point(column: ir.Column, kind: str, decimal: str) -> ir.Column:
    """Return numbers that are text with a decimal point and without points between thousands."""
    if decimal == "." or kind != NUMBER or not column.type().is_string():
        return column
    return column.replace(".", "").replace(",", ".")


def mapped(columns: LineColumns | ProductColumns) -> dict[str, str]:
    """Return {our name: the source's column} for what the source has."""
    return {field: column for field, column in columns if column is not None}


def check_mapped_columns(
    name: str, source: ir.Table, columns: LineColumns | ProductColumns
) -> None:
    """Raise a DataError that names the mapped columns which the source lacks."""
    missing = [
        f"{column} (for {field})"
        for field, column in mapped(columns).items()
        if column not in source.columns
    ]
    if missing:
        setting = "columns" if isinstance(columns, LineColumns) else "product_columns"
        raise DataError(
            f"{name} has no column {', '.join(missing)}. It has: {', '.join(source.columns)}. "
            f"Say in the parameter ingestion.{setting} which column holds what; null where there "
            "is none."
        )


def check_types(
    name: str, source: ir.Table, columns: LineColumns | ProductColumns, time_zone: str | None
) -> None:
    """Raise a DataError that lists every mapped column of a type that cannot be read."""
    schema = source.schema()
    problems = [
        f"{column} is {schema[column]}, expected {KINDS[field]} for {field}"
        for field, column in mapped(columns).items()
        if not _is_kind(schema[column], KINDS[field])
    ]
    if problems:
        raise DataError(f"{name}: {'; '.join(problems)}. Convert these columns.")
    zoned = [
        column
        for field, column in mapped(columns).items()
        if KINDS[field] == TIME and schema[column].is_timestamp() and schema[column].timezone
    ]
    if zoned and time_zone is None:
        raise DataError(
            f"{name}: the times of {', '.join(zoned)} have a time zone, and features count the "
            "shop's calendar days. Give the shop's zone as the parameter ingestion.time_zone, "
            "such as Europe/London."
        )


def _is_kind(found: dt.DataType, kind: str) -> bool:
    text = found.is_string() or found.is_json() or found.is_null()
    whole = found.is_integer() or (found.is_decimal() and found.scale == 0)
    fits = {
        ID: text or whole or found.is_uuid(),
        NUMBER: text or (found.is_numeric() and not found.is_boolean()),
        TEXT: text,
        TIME: text or found.is_timestamp() or found.is_date(),
    }
    return bool(fits[kind])
