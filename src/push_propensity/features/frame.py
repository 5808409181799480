"""The feature frame: one row per repeat order and product listed at its time."""

import ibis.expr.types as ir
from ibis import _

from push_propensity.feature_frame import COLUMNS, NUMERIC_FEATURES, OUTCOME
from push_propensity.features.history import (
    add_days_since_purchase,
    add_ordered_before,
    add_outcome,
)
from push_propensity.features.household import add_household
from push_propensity.features.intent import (
    add_abandoned_before,
    add_active_snoozed,
    add_set_as_regular,
)
from push_propensity.features.listing import list_products
from push_propensity.features.options import FeatureOptions
from push_propensity.features.popularity import add_popularity
from push_propensity.features.products import add_product
from push_propensity.features.raw_tables import RawTables
from push_propensity.features.rhythm import add_days_to_buy

TYPES = dict.fromkeys((OUTCOME, *NUMERIC_FEATURES), "float64") | {"user_order_seq": "int64"}


def build_feature_frame(raw: RawTables, options: FeatureOptions) -> ir.Table:
    """Return the feature frame as a lazy table.

    Every feature of an order uses only what was before the order's `created_at`; product prices,
    types, vendors and households carry no time and are taken as they are.

    Returns:
        The columns of `feature_frame.COLUMNS`, by created_at, order_id and variant_id. No nulls.
    """
    rows = add_product(list_products(raw, options), raw)
    rows = add_outcome(rows, raw)
    rows = add_ordered_before(rows, raw)
    rows = add_abandoned_before(rows, raw)
    rows = add_active_snoozed(rows, raw)
    rows = add_set_as_regular(rows, raw)
    rows = add_popularity(rows, raw, options)
    rows = add_household(rows, raw, options)
    rows = add_days_since_purchase(rows, raw, options)
    rows = add_days_to_buy(rows, raw, options)
    dated = rows.mutate(order_date=_.created_at.truncate("day").cast("timestamp(6)"))
    return dated.cast(TYPES).select(*COLUMNS).order_by("created_at", "order_id", "variant_id")
