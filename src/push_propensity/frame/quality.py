"""How good the data are: a report of checks, each with what was looked at and how much fails.

The report never stops a run. What `contract.check_feature_frame` holds (complete columns, unique
keys, bounds) cannot fail afterwards and is not looked at again.
"""

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from push_propensity.frame.columns import (
    BASKET_SIZE,
    CREATED_AT,
    DAYS_SINCE_PURCHASE,
    FEATURE_OF,
    FLAGS,
    NUMERIC_FEATURES,
    ORDER,
    ORDER_DATE,
    ORDERED_BEFORE,
    OUTCOME,
    PRODUCT,
    PRODUCT_TYPE,
    USER,
    VENDOR,
)
from push_propensity.frame.split import PARTS, TEST, TRAIN, count_candidate_rows, purchase_share

SEQUENCE = "user_order_seq"
PEOPLE = "people_ex_baby"
HOUSEHOLD = ("count_adults", "count_children", "count_babies", "count_pets", PEOPLE)
ONE_PER_ORDER = (USER, CREATED_AT, SEQUENCE, *HOUSEHOLD)
ONE_PER_PRODUCT = (PRODUCT_TYPE, VENDOR)
Verdict = Literal["pass", "warn", "fail"]


class QualityOptions(BaseModel):
    """From where on a finding is worth a warning or a failure."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fail_share: float = Field(
        default=0.01, ge=0, le=1, description="a rule broken by more than this share fails"
    )
    outlier_distance: float = Field(
        default=3.0, gt=0, description="interquartile ranges beyond the quartiles"
    )
    outlier_share: float = Field(
        default=0.05, ge=0, le=1, description="more outliers than this share warn"
    )
    longest_gap_days: int = Field(default=7, ge=1, description="days in a row without orders")
    lowest_purchase_share: float = Field(default=0.001, ge=0, le=1)
    highest_purchase_share: float = Field(default=0.5, ge=0, le=1)
    balance_ratio: float = Field(
        default=2.0, gt=1, description="a part's purchase share against train's, either way"
    )


class QualityCheck(BaseModel):
    """One rule, how many rows (or orders, products, days) it looked at and how many break it."""

    dimension: str
    subject: str
    rule: str
    checked: int
    unit: str
    failing: int
    share: float
    verdict: Verdict


class QualityReport(BaseModel):
    """What the data hold, how they are split, and every check."""

    overview: dict[str, int | float | str]
    parts: dict[str, dict[str, int]]
    checks: list[QualityCheck]


class _Finding(NamedTuple):
    subject: str
    rule: str
    checked: int
    failing: int
    unit: str = "rows"
    tolerated: float = 0.0
    required: bool = True


class FrameQuality(BaseModel):
    """What a frame holds and the checks of it that need no split."""

    overview: dict[str, int | float | str]
    checks: list[QualityCheck]


def assess_frame(frame: pd.DataFrame, options: QualityOptions) -> FrameQuality:
    """Look at a frame's validity, consistency, timeliness, outliers and balance.

    Args:
        frame: The feature frame before orders are filtered, one row per (order, product).
        options: Thresholds of the verdicts.
    """
    findings = ((name, found) for name, look in LOOKS.items() for found in look(frame, options))
    checks = [_judge(dimension, finding, options) for dimension, finding in findings]
    return FrameQuality(overview=_overview(frame), checks=checks)


def assess_quality(
    frame_quality: FrameQuality, days: pd.DataFrame, options: QualityOptions
) -> dict[str, Any]:
    """Add to the checks of a frame those of its split.

    Args:
        frame_quality: From `assess_frame`.
        days: The plan of the split: one row per day with `orders`, `purchases` and `part`.
        options: Thresholds of the verdicts.

    Returns:
        A `QualityReport`, ready for JSON.
    """
    last_order = pd.Timestamp(frame_quality.overview["last_order"])
    split = (
        _judge("timeliness", _find_late(last_order, days, options), options),
        _judge("balance", _find_drift(days, options), options),
    )
    dimensions = list(LOOKS)
    checks = sorted(
        (*frame_quality.checks, *split), key=lambda check: dimensions.index(check.dimension)
    )
    totals = days.groupby("part")[["orders", "purchases"]].sum().loc[list(PARTS)]
    parts = {str(name): {k: int(n) for k, n in row.items()} for name, row in totals.T.items()}
    report = QualityReport(overview=frame_quality.overview, parts=parts, checks=checks)
    return report.model_dump(mode="json")


def _judge(dimension: str, finding: _Finding, options: QualityOptions) -> QualityCheck:
    """Give the verdict: beyond what is tolerated warn, a required rule widely broken fails."""
    share = finding.failing / finding.checked if finding.checked else 0.0
    verdict: Verdict = "pass"
    if share > finding.tolerated:
        verdict = "fail" if finding.required and share > options.fail_share else "warn"
    return QualityCheck(dimension=dimension, share=share, verdict=verdict, **finding._asdict())


def _overview(frame: pd.DataFrame) -> dict[str, int | float | str]:
    dates = _order_dates(frame)
    span = int((dates.max() - dates.min()).days) + 1
    return {
        "rows": len(frame),
        "candidate_rows": round(count_candidate_rows(frame)),
        "orders": int(frame[ORDER].nunique()),
        "users": int(frame[USER].nunique()),
        "products": int(frame[PRODUCT].nunique()),
        "product_types": int(frame[PRODUCT_TYPE].nunique()),
        "vendors": int(frame[VENDOR].nunique()),
        "purchases": int(frame[OUTCOME].sum()),
        "purchase_share": purchase_share(frame),
        "first_order": f"{frame[CREATED_AT].min():%Y-%m-%d %H:%M:%S}",
        "last_order": f"{frame[CREATED_AT].max():%Y-%m-%d %H:%M:%S}",
        "days": span,
        "days_without_orders": span - len(dates),
        "longest_gap_days": int(_gaps(dates).max()),
    }


def _order_dates(frame: pd.DataFrame) -> "pd.Series[pd.Timestamp]":
    return frame[ORDER_DATE].drop_duplicates().sort_values(ignore_index=True)


def _gaps(dates: "pd.Series[pd.Timestamp]") -> "pd.Series[int]":
    """Return the days without orders before each day with orders; 0 before the first."""
    return dates.diff().dt.days.sub(1).fillna(0).astype("int64")


def _find_constant(frame: pd.DataFrame, _options: QualityOptions) -> Iterator[_Finding]:
    """A table that a shop does not have makes several columns constant: one finding for all."""
    names = [name for name in frame.columns if name in FEATURE_OF]
    constant = [name for name in names if frame[name].nunique() < 2]
    subject = ", ".join(constant) or "every feature"
    rule = "more than one value"
    yield _Finding(subject, rule, len(names), len(constant), "columns", required=False)


def _find_inconsistent(frame: pd.DataFrame, _options: QualityOptions) -> Iterator[_Finding]:
    rows = len(frame)
    people = frame["count_adults"] + frame["count_children"]
    yield _Finding(PEOPLE, "adults + children", rows, int((frame[PEOPLE] != people).sum()))
    yield from _find_several(frame, ORDER, ONE_PER_ORDER, "orders")
    yield from _find_several(frame, PRODUCT, ONE_PER_PRODUCT, "products")
    orders = frame.drop_duplicates(ORDER).sort_values(CREATED_AT)
    falling = orders.groupby(USER)[SEQUENCE].diff() <= 0
    yield _Finding(SEQUENCE, "rises with each order", len(orders), int(falling.sum()), "orders")
    never = frame.loc[frame[ORDERED_BEFORE] == 0, DAYS_SINCE_PURCHASE]
    known = int((never != never.mode().iloc[0]).sum()) if len(never) else 0
    rule = f"one default value where {ORDERED_BEFORE} is 0"
    yield _Finding(DAYS_SINCE_PURCHASE, rule, len(never), known)
    if BASKET_SIZE in frame:
        orders = frame.groupby(ORDER).agg({BASKET_SIZE: "max", OUTCOME: "sum"})
        short = int((orders[BASKET_SIZE] < orders[OUTCOME]).sum())
        rule = "at least the purchases in the frame"
        yield _Finding(BASKET_SIZE, rule, len(orders), short, "orders")


def _find_several(
    frame: pd.DataFrame, key: str, columns: tuple[str, ...], unit: str
) -> Iterator[_Finding]:
    """Count the orders or products that have more than one value of what they have one of."""
    values = frame.groupby(key)[list(columns)].nunique()
    for name in columns:
        rule = f"one value for each {key}"
        yield _Finding(name, rule, len(values), int((values[name] > 1).sum()), unit)


def _find_untimely(frame: pd.DataFrame, options: QualityOptions) -> Iterator[_Finding]:
    limit = options.longest_gap_days
    gaps = _gaps(_order_dates(frame))
    rule = f"no more than {limit} days without orders in a row"
    long = int((gaps > limit).sum())
    yield _Finding(ORDER_DATE, rule, len(gaps), long, "days with orders", required=False)


def _find_late(last_order: pd.Timestamp, days: pd.DataFrame, options: QualityOptions) -> _Finding:
    limit = options.longest_gap_days
    age = (last_order.normalize() - days["day"].max()).days
    rule = f"the latest kept order is within {limit} days of the latest order"
    return _Finding(ORDER_DATE, rule, 1, int(age > limit), "files", required=False)


def _find_outliers(frame: pd.DataFrame, options: QualityOptions) -> Iterator[_Finding]:
    for name in NUMERIC_FEATURES:
        if name not in FLAGS:
            yield _outliers(frame[name], options)


def _outliers(column: "pd.Series[float]", options: QualityOptions) -> _Finding:
    """Count values far beyond the quartiles (Tukey, Exploratory Data Analysis, 1977, chapter 2).

    Where at least half of the values are the same (a default), the range between the quartiles
    would be 0 and every other value an outlier, so that value is set aside.
    """
    lower, upper = column.quantile([0.25, 0.75])
    rule = f"within {options.outlier_distance:g} interquartile ranges of the quartiles"
    values = column
    if lower == upper:
        values = column[column != lower]
        lower, upper = values.quantile([0.25, 0.75])
        rule += ", the commonest value set aside"
    reach = options.outlier_distance * (upper - lower)
    outside = int((~values.between(lower - reach, upper + reach)).sum())
    return _Finding(
        str(column.name),
        rule,
        len(column),
        outside,
        tolerated=options.outlier_share,
        required=False,
    )


def _find_imbalance(frame: pd.DataFrame, options: QualityOptions) -> Iterator[_Finding]:
    low, high = options.lowest_purchase_share, options.highest_purchase_share
    share = purchase_share(frame)
    rule = f"from {low:.1%} to {high:.0%} of the rows are purchases"
    yield _Finding(OUTCOME, rule, 1, int(not low <= share <= high), "columns", required=False)


def _find_drift(days: pd.DataFrame, options: QualityOptions) -> _Finding:
    parts = days.groupby("part")[["orders", "purchases"]].sum()
    items = parts["purchases"] / parts["orders"]
    ratio = items[TEST] / items[TRAIN]
    apart = max(ratio, 1 / ratio) > options.balance_ratio
    rule = f"items per order in test within {options.balance_ratio:g} times those in train"
    return _Finding(OUTCOME, rule, 1, int(apart), "splits", required=False)


Look = Callable[[pd.DataFrame, QualityOptions], Iterator[_Finding]]
LOOKS: dict[str, Look] = {  # by dimension
    "validity": _find_constant,
    "consistency": _find_inconsistent,
    "timeliness": _find_untimely,
    "outliers": _find_outliers,
    "balance": _find_imbalance,
}
