"""The contract of the feature frame: its columns, their types, bounds and keys.

`check_feature_frame` is the validator of the catalog entry `feature_frame@pandas`; callers that
hold a frame in memory call it themselves. Its messages name columns, rules and counts, never a
value.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaError, SchemaErrorReason, SchemaErrors

from push_propensity.errors import DataError
from push_propensity.frame.columns import (
    BASKET_SIZE,
    COLUMNS,
    CREATED_AT,
    EXTENDED_FEATURES,
    EXTENDED_NAMES,
    FEATURES,
    FLAGS,
    METADATA,
    ORDER,
    ORDER_DATE,
    OUTCOME,
    PRODUCT,
    SAMPLING_WEIGHT,
    USER,
    Feature,
)

IDS = (ORDER, USER, PRODUCT)
TIMES = (CREATED_AT, ORDER_DATE)
NUMBER_RULE = "a number in every row, neither text nor empty"
TEXT_RULE = "a text in every row, never empty"
FLAG_RULE = "only 0 and 1"
ID_RULE = "whole numbers or text"
ID_NULL_RULE = "an id in every row, never empty"
TIME_RULE = "a time like 2021-03-03 14:42:05 in every row"
DAY_RULE = f"the day of {CREATED_AT}"
KEY_RULE = "each pair of order and product once"
SIZE_RULE = "a whole number of at least 1"
ONE_SIZE_RULE = "the same in all rows of an order"
WEIGHT_RULE = "at least 1"
PURCHASE_WEIGHT_RULE = f"1 where {OUTCOME} is 1"
OPTIONAL = (*EXTENDED_NAMES, *METADATA)
# The column to blame for a rule that is about several.
BLAMED = {
    DAY_RULE: ORDER_DATE,
    ONE_SIZE_RULE: BASKET_SIZE,
    PURCHASE_WEIGHT_RULE: SAMPLING_WEIGHT,
}
MISSING_RULES = {
    **dict.fromkeys((*COLUMNS, *OPTIONAL), NUMBER_RULE),
    **dict.fromkeys(IDS, ID_NULL_RULE),
    **dict.fromkeys(TIMES, TIME_RULE),
    **{feature.name: TEXT_RULE for feature in FEATURES if feature.kind == "category"},
}
MOST_NAMES = 10
LONGEST_NAME = 40


def _numbers(dtype: Literal["float64", "float32"]) -> pa.Parser:
    """Read numbers; what is too large for float32, half the memory, becomes infinite."""

    def read(column: "pd.Series[float]") -> "pd.Series[float]":
        if column.dtype == dtype:
            return column
        with np.errstate(over="ignore"):
            return pd.to_numeric(column, errors="coerce").astype(dtype)

    return pa.Parser(read)


def _to_text(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Read text as a number per row, which is a fraction of the memory, in the texts' order."""
    text = (column if _is_text(column) else column.astype("str")).astype("category")
    ordered: pd.Series[Any] = text.cat.set_categories(text.cat.categories.sort_values())
    return ordered


def _is_text(column: "pd.Series[Any]") -> bool:
    values = column.cat.categories if isinstance(column.dtype, pd.CategoricalDtype) else column
    return bool(pd.api.types.is_string_dtype(values))


def _to_user(column: "pd.Series[Any]") -> "pd.Series[Any]":
    return _to_text(column) if _is_text(column) else column


def _to_time(column: "pd.Series[pd.Timestamp]") -> "pd.Series[pd.Timestamp]":
    """Read ISO 8601 times; those with an offset become UTC, numbers are not times."""
    if pd.api.types.is_numeric_dtype(column):
        return pd.Series(pd.NaT, index=column.index, dtype="datetime64[us]")
    times = pd.to_datetime(column, format="ISO8601", errors="coerce", utc=True)
    return times.dt.tz_localize(None).dt.as_unit("us")


def _is_id(column: "pd.Series[int]") -> bool:
    """Whether ids are integers or text; a column with gaps fails for its gaps alone."""
    types = pd.api.types
    return types.is_integer_dtype(column) or _is_text(column) or column.hasnans


def _is_day_of_order(frame: pd.DataFrame) -> "pd.Series[bool]":
    day = frame[CREATED_AT].dt.normalize()
    same: pd.Series[bool] = frame[ORDER_DATE].eq(day) | day.isna() | frame[ORDER_DATE].isna()
    return same


def _is_size(column: "pd.Series[float]") -> "pd.Series[bool]":
    return column.isna() | (column.ge(1) & column.mod(1).eq(0))


def is_size_of_order(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Tell which rows have the basket size of their order's first row; all where there is none.

    Examples:
        >>> frame = pd.DataFrame({"order_id": [1, 1, 2], "basket_size": [3, 4, 9]})
        >>> is_size_of_order(frame).tolist()
        [True, False, True]
    """
    if BASKET_SIZE not in frame:
        return pd.Series(True, index=frame.index)
    size = frame[BASKET_SIZE]
    first = size.groupby(frame[ORDER], sort=False).transform("first")
    same: pd.Series[bool] = size.eq(first) | size.isna() | first.isna()
    return same


def is_weight_of_outcome(frame: pd.DataFrame) -> "pd.Series[bool]":
    """Tell which rows have a sampling weight that goes with their outcome; all if none has any.

    Examples:
        >>> frame = pd.DataFrame({"outcome": [1, 1, 0], "sampling_weight": [1.0, 4.0, 4.0]})
        >>> is_weight_of_outcome(frame).tolist()
        [True, False, True]
    """
    if SAMPLING_WEIGHT not in frame:
        return pd.Series(True, index=frame.index)
    weight = frame[SAMPLING_WEIGHT]
    fits: pd.Series[bool] = weight.eq(1) | weight.isna() | frame[OUTCOME].ne(1)
    return fits


def bounds_rule(feature: Feature) -> str:
    """Say which values a numeric column may take."""
    if feature.name in (OUTCOME, *FLAGS):
        return FLAG_RULE
    return f"from {feature.minimum:,g} to {feature.maximum:,g}"


def _rule(check: Callable[..., Any], rule: str) -> pa.Check:
    # One failure case is enough: the count comes from the check's output, at no cost in memory.
    return pa.Check(check, error=rule, ignore_na=False, n_failure_cases=1)


def _bounds(feature: Feature) -> pa.Check:
    rule = bounds_rule(feature)
    if rule == FLAG_RULE:
        return pa.Check.isin([0.0, 1.0], error=rule, n_failure_cases=1)
    return pa.Check.in_range(feature.minimum, feature.maximum, error=rule, n_failure_cases=1)


def _column(feature: Feature) -> pa.Column:
    if feature.kind == "category":
        return pa.Column(parsers=pa.Parser(_to_text))
    return pa.Column("float64", _bounds(feature), parsers=_numbers("float64"))


def _optional_columns() -> dict[str, pa.Column]:
    """The columns that a frame may have beside its own."""
    checks = {feature.name: _bounds(feature) for feature in EXTENDED_FEATURES}
    checks[BASKET_SIZE] = _rule(_is_size, SIZE_RULE)
    checks[SAMPLING_WEIGHT] = pa.Check.in_range(
        1.0, np.inf, include_max=False, error=WEIGHT_RULE, n_failure_cases=1
    )
    return {
        name: pa.Column("float32", check, parsers=_numbers("float32"), required=False)
        for name, check in checks.items()
    }


def _schema() -> pa.DataFrameSchema:
    """Build the schema from the feature definitions, in the frame's column order."""
    columns = {feature.name: _column(feature) for feature in FEATURES}
    columns[OUTCOME] = _column(Feature(OUTCOME, "number"))
    columns |= {name: pa.Column(checks=_rule(_is_id, ID_RULE)) for name in IDS}
    columns[USER] = pa.Column(checks=_rule(_is_id, ID_RULE), parsers=pa.Parser(_to_user))
    columns |= {name: pa.Column(parsers=pa.Parser(_to_time)) for name in TIMES}
    return pa.DataFrameSchema(
        {name: columns[name] for name in COLUMNS} | _optional_columns(),
        checks=[
            _rule(_is_day_of_order, DAY_RULE),
            _rule(is_size_of_order, ONE_SIZE_RULE),
            _rule(is_weight_of_outcome, PURCHASE_WEIGHT_RULE),
        ],
        unique=[ORDER, PRODUCT],
        report_duplicates="exclude_first",
        strict=True,
    )


FEATURE_FRAME_SCHEMA = _schema()


def check_feature_frame(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with its columns in order and in their types, or say what is wrong.

    Args:
        frame: One row per (order, product), the 27 columns of `columns.COLUMNS` and any of
            its extended features and metadata, in any order. Numbers and times may come as text.

    Returns:
        A frame of the same rows: float64 numbers, float32 extended features and metadata,
        datetime64[us] times without a zone; categories, and users' ids that are text, as pandas'
        category; other ids stay as they are.

    Raises:
        DataError: Columns are missing, surplus or doubled, there are no rows, or values break a
            rule; the message names each column, rule and count.
    """
    _check_columns([str(name) for name in frame.columns])
    if frame.empty:
        raise DataError(
            "The feature frame has its columns but no rows. Expected one row per order and "
            "listed product. Fill the file and run again."
        )
    ordered = frame.copy(deep=False)
    columns = [name for name in (*COLUMNS, *OPTIONAL) if name in frame.columns]
    if list(frame.columns) != columns:
        ordered = ordered[columns]
    try:
        # The shallow copy shares its data but not its columns: the caller's frame stays as it is.
        return FEATURE_FRAME_SCHEMA.validate(ordered, lazy=True, inplace=True)
    except SchemaErrors as failure:
        raise DataError(_broken_rules(failure.schema_errors, len(frame))) from None


def _check_columns(names: Sequence[str]) -> None:
    """Raise DataError unless the names are columns of a feature frame, each once, in any order."""
    counts = Counter(names)
    missing = [name for name in COLUMNS if name not in counts]
    if len(missing) > len(COLUMNS) // 2:
        raise DataError(
            f"Found only {len(COLUMNS) - len(missing)} of the feature frame's {len(COLUMNS)} "
            f"columns among {len(names)}. Is the first line the header, and are the values "
            f"separated by commas? Expected columns: {', '.join(COLUMNS)}."
        )
    surplus = [name for name in counts if name not in COLUMNS and name not in OPTIONAL]
    # The CSV reader renames the second column `x` to `x.1`.
    doubled = [name for name in surplus if name.rpartition(".")[0] in counts]
    doubled_names = [name.rpartition(".")[0] for name in doubled]
    problems = {
        "missing": missing,
        "doubled": [name for name, count in counts.items() if count > 1] + doubled_names,
        "not expected": [name for name in surplus if name not in doubled],
    }
    if any(problems.values()):
        found = "; ".join(f"{kind}: {_listed(these)}" for kind, these in problems.items() if these)
        raise DataError(
            f"The feature frame must have its {len(COLUMNS)} columns, each once, and beside them "
            f"only extended features, {' and '.join(METADATA)}. Found {len(names)}; {found}. "
            "Correct the header and run again."
        )


def _listed(names: Sequence[str]) -> str:
    shown = [name[:LONGEST_NAME] for name in dict.fromkeys(names)]
    more = f" and {len(shown) - MOST_NAMES} more" if len(shown) > MOST_NAMES else ""
    return ", ".join(shown[:MOST_NAMES]) + more


def _broken_rules(errors: Sequence[SchemaError], rows: int) -> str:
    """Say in one message which columns break which rules, in how many rows."""
    broken = [(*_broken_rule(error), _failing_rows(error, rows)) for error in errors]
    lines = [
        f"- {name}: expected {rule}; {n:,} of {rows:,} rows differ" for name, rule, n in broken
    ]
    more = [f"- and {len(lines) - MOST_NAMES} more"] if len(lines) > MOST_NAMES else []
    return "\n".join(
        [
            "The feature frame cannot be used:",
            *lines[:MOST_NAMES],
            *more,
            "Correct these columns where the file is made and run again.",
        ]
    )


def _broken_rule(error: SchemaError) -> tuple[str, str]:
    """Return the column and the rule that it breaks."""
    if error.reason_code is SchemaErrorReason.DUPLICATES:
        return f"{ORDER}, {PRODUCT}", KEY_RULE
    column = getattr(error.schema, "name", None)
    if error.reason_code is SchemaErrorReason.SERIES_CONTAINS_NULLS:
        return str(column), MISSING_RULES[str(column)]
    rule = str(error.check.error)
    return str(column or BLAMED[rule]), rule


def _failing_rows(error: SchemaError, rows: int) -> int:
    if isinstance(error.check_output, pd.Series):
        return int((~error.check_output).sum())
    if isinstance(error.failure_cases, pd.DataFrame):
        columns = 2 if error.reason_code is SchemaErrorReason.DUPLICATES else 1
        return len(error.failure_cases) // columns
    return rows  # the rule is about the column as a whole
