"""The feature frame: its columns, what each one means and the values it may take.

One row per (order, product listed at the order's time). This module imports nothing heavy, so
that whoever predicts can use it too.
"""

from dataclasses import dataclass
from typing import Literal

OUTCOME = "outcome"
ORDER = "order_id"
USER = "user_id"
PRODUCT = "variant_id"
CREATED_AT = "created_at"
ORDER_DATE = "order_date"
ORDERED_BEFORE = "ordered_before"
POPULARITY = "global_popularity"
PRODUCT_TYPE = "product_type"
VENDOR = "vendor"


@dataclass(frozen=True)
class Feature:
    """A feature column and the fixed physical bounds of its values (both inclusive)."""

    name: str
    kind: Literal["number", "category"]
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""


def _category(name: str) -> Feature:
    return Feature(name, "category")


def _flag(name: str) -> Feature:
    return Feature(name, "number", 0.0, 1.0, "0 or 1")


def _share(name: str) -> Feature:
    return Feature(name, "number", 0.0, 1.0, "share")


def _count(name: str) -> Feature:
    return Feature(name, "number", 0.0, 1_000.0, "count")


def _days(name: str) -> Feature:
    return Feature(name, "number", 0.0, 36_500.0, "days")


FEATURES: tuple[Feature, ...] = (
    _category(PRODUCT_TYPE),
    _count("user_order_seq"),
    _flag(ORDERED_BEFORE),
    _flag("abandoned_before"),
    _flag("active_snoozed"),
    _flag("set_as_regular"),
    Feature("normalised_price", "number", 1e-9, 1_000.0, "share of the highest price"),
    Feature("discount_pct", "number", -1.0, 1_000.0, "share of the price"),
    _category(VENDOR),
    _share(POPULARITY),
    _count("count_adults"),
    _count("count_children"),
    _count("count_babies"),
    _count("count_pets"),
    _count("people_ex_baby"),
    _days("days_since_purchase_variant_id"),
    _days("avg_days_to_buy_variant_id"),
    _days("std_days_to_buy_variant_id"),
    _days("days_since_purchase_product_type"),
    _days("avg_days_to_buy_product_type"),
    _days("std_days_to_buy_product_type"),
)

FEATURE_NAMES: tuple[str, ...] = tuple(feature.name for feature in FEATURES)
NUMERIC_FEATURES: tuple[str, ...] = tuple(f.name for f in FEATURES if f.kind == "number")
CATEGORICAL_FEATURES: tuple[str, ...] = tuple(f.name for f in FEATURES if f.kind == "category")
FLAGS: tuple[str, ...] = (ORDERED_BEFORE, "abandoned_before", "active_snoozed", "set_as_regular")

COLUMNS: tuple[str, ...] = (
    PRODUCT,
    PRODUCT_TYPE,
    ORDER,
    USER,
    CREATED_AT,
    ORDER_DATE,
    "user_order_seq",
    OUTCOME,
    *FEATURE_NAMES[2:],
)
