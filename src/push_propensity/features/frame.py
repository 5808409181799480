"""The feature frame: one row per repeat order and product listed at its time."""

import ibis.expr.types as ir
from ibis import _

from push_propensity.feature_frame import COLUMNS, FLAGS, NUMERIC_FEATURES, OUTCOME, POPULARITY
from push_propensity.features.history import days_since_purchase, ordered_before, outcome
from push_propensity.features.household import household
from push_propensity.features.intent import abandoned_before, active_snoozed, set_as_regular
from push_propensity.features.listing import list_products
from push_propensity.features.options import FeatureOptions
from push_propensity.features.popularity import popularity
from push_propensity.features.products import product_columns
from push_propensity.features.raw_tables import RawTables
from push_propensity.features.rhythm import days_to_buy

TYPES = dict.fromkeys((OUTCOME, *NUMERIC_FEATURES), "float64") | {"user_order_seq": "int64"}


def build_feature_frame(raw: RawTables, options: FeatureOptions) -> ir.Table:
    """Return the feature frame as a lazy table.

    Every feature of an order uses only what was before the order's `created_at`; product prices,
    types, vendors and households carry no time and are taken as they are.

    Returns:
        The columns of `feature_frame.COLUMNS`, by created_at, order_id and variant_id. No nulls.
    """
    rows = list_products(raw, options).join(product_columns(raw), "variant_id")
    for number, (values, keys) in enumerate(feature_tables(raw, options)):
        rows = rows.left_join(values, keys, rname=f"{{name}}_{number}")
    known = {name: rows[name].fill_null(value) for name, value in defaults(options).items()}
    dated = rows.mutate(order_date=_.created_at.truncate("day").cast("timestamp(6)"), **known)
    typed = dated.select(*COLUMNS).cast(TYPES)
    return typed.order_by("created_at", "order_id", "variant_id")


def feature_tables(raw: RawTables, options: FeatureOptions) -> list[tuple[ir.Table, list[str]]]:
    """Return one small table per feature group and the columns that lead from a row to it."""
    pair = ["order_id", "variant_id"]
    return [
        (outcome(raw), pair),
        (ordered_before(raw), pair),
        (abandoned_before(raw), pair),
        (active_snoozed(raw), pair),
        (set_as_regular(raw), pair),
        (popularity(raw, options.popularity_days), ["day", "variant_id"]),
        (household(raw, options.household), ["user_id"]),
        (days_since_purchase(raw, "variant_id"), pair),
        (days_since_purchase(raw, "product_type"), ["order_id", "product_type"]),
        (days_to_buy(raw, "variant_id", options.minimum_gaps), ["month", "variant_id"]),
        (days_to_buy(raw, "product_type", options.minimum_gaps), ["month", "product_type"]),
    ]


def defaults(options: FeatureOptions) -> dict[str, float]:
    """Return each column's value where its feature table has no row."""
    at_home = options.household
    return {
        **dict.fromkeys((OUTCOME, *FLAGS, POPULARITY), 0.0),
        **at_home.model_dump(),
        "people_ex_baby": at_home.count_adults + at_home.count_children,
        **{f"{name}_variant_id": value for name, value in options.product},
        **{f"{name}_product_type": value for name, value in options.product_type},
    }
