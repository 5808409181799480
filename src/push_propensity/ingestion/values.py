"""What the columns of a source hold, typed; what cannot be read becomes null. For DuckDB."""

from datetime import datetime
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

_ZONED = r"[0-9][Zz]$|:[0-9]{2}(\.[0-9]+)? ?[+-][0-9]{2}(:?[0-9]{2})?$"
_OPAQUE = r"^[A-Za-z0-9_.:#/-]*[0-9][A-Za-z0-9_.:#/-]*$"
_LONGEST_SHAPE = 40
_ZONED_TIME = dt.Timestamp("UTC")


@ibis.udf.scalar.builtin(name="json_extract_string", signature=((dt.json, dt.string), dt.string))  # type: ignore[untyped-decorator]
def _json_text(value: Any, path: str) -> Any:
    """DuckDB's: the text at a path, without its quotes."""


@ibis.udf.scalar.builtin(name="try_strptime", signature=((dt.string, dt.string), dt.timestamp))  # type: ignore[untyped-decorator]
def _parse_time(text: Any, time_format: str) -> Any:
    """DuckDB's: the time written in a format, null where it is not."""


@ibis.udf.scalar.builtin(name="try_strptime", signature=((dt.string, dt.string), _ZONED_TIME))  # type: ignore[untyped-decorator]
def _parse_zoned_time(text: Any, time_format: str) -> Any:
    """DuckDB's for a format with %z."""


@ibis.udf.scalar.builtin(name="timezone", signature=((dt.string, _ZONED_TIME), dt.timestamp))  # type: ignore[untyped-decorator]
def _local_time(time_zone: str, time: Any) -> Any:
    """DuckDB's: the local time of a zone."""


def plain(column: ir.Column) -> ir.Column:
    """Return a column in a type that every engine has: text for JSON values and UUIDs."""
    if column.type().is_json():
        return _json_text(column, "$")
    return column.cast("string") if column.type().is_uuid() else column


def read_text(column: ir.Column) -> ir.StringColumn:
    """Return a column as text without surrounding blanks; empty text is null."""
    return column.cast("string").strip().nullif("")


def read_id(column: ir.Column) -> ir.Column:
    """Return ids as they are matched: whole numbers as int64, all others as text."""
    kind = column.type()
    if kind.is_integer() or kind.is_decimal():
        return column.cast("int64")
    return read_text(column)


def read_number(column: ir.Column) -> ir.FloatingColumn:
    """Return numbers as float64; what is not a finite number is null."""
    number = (column if column.type().is_numeric() else read_text(column)).try_cast("float64")
    return (number.isnan() | number.isinf()).ifelse(ibis.null("float64"), number)


def read_seen(column: ir.Column) -> ir.StringColumn:
    """Return what a column holds as text; null where it is missing, as NaN is in numbers."""
    text = read_text(column)
    return column.isnan().ifelse(ibis.null("string"), text) if column.type().is_floating() else text


def read_time(
    column: ir.Column, time_format: str | None, time_zone: str | None
) -> ir.TimestampColumn:
    """Return local times without a zone, in microseconds; what cannot be read is null.

    So is what no calendar has: infinity, years before 1 or after 9999.

    Args:
        column: Timestamps, dates or text.
        time_format: How text is written, as for strptime; None: ISO 8601.
        time_zone: The zone to which times that have one are brought; None: text with a zone is
            not read, and no format has one.
    """
    kind = column.type()
    if kind.is_timestamp() and kind.timezone:
        time = _local_time(time_zone, column.cast(_ZONED_TIME))
    elif kind.is_timestamp() or kind.is_date():
        time = column
    elif time_format is not None and "%z" in time_format:
        time = _local_time(time_zone, _parse_zoned_time(read_text(column), time_format))
    elif time_format is not None:
        time = _parse_time(read_text(column), time_format)
    else:
        time = _read_iso_time(read_text(column), time_zone)
    time = time.cast("timestamp(6)")
    return time.between(datetime.min, datetime.max).ifelse(time, ibis.null("timestamp(6)"))


def _read_iso_time(text: ir.StringColumn, time_zone: str | None) -> ir.TimestampColumn:
    if time_zone is None:
        zoned = ibis.null("timestamp")
    else:
        zoned = _local_time(time_zone, text.try_cast(_ZONED_TIME))
    time = has_zone(text).ifelse(zoned, text.try_cast("timestamp"))
    return text.re_search("^[0-9]").ifelse(time, ibis.null("timestamp"))  # DuckDB reads "epoch" too


def has_zone(text: ir.StringColumn) -> ir.BooleanColumn:
    """Whether a time that is text ends in Z or an offset from UTC."""
    return text.re_search(_ZONED)


def shape(text: ir.StringColumn) -> ir.StringColumn:
    """Return what a text looks like, with 9 for each digit and a for each letter."""
    masked = text.re_replace(r"\p{L}", "a").re_replace(r"\p{N}", "9")
    return masked.substr(0, _LONGEST_SHAPE)


def mask_id(column: ir.Column) -> ir.StringColumn:
    """Return ids as text, and the shape of those that do not look like one.

    An opaque id has a digit and neither blanks nor an @.
    """
    text = column.cast("string")
    return text.re_search(_OPAQUE).ifelse(text, shape(text))
