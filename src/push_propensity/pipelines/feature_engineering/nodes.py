"""Nodes of the `feature_engineering` pipeline."""

import ibis.expr.types as ir

from push_propensity import features
from push_propensity.features import FeatureOptions


def build_feature_frame(
    orders: ir.Table,
    users: ir.Table,
    inventory: ir.Table,
    regulars: ir.Table,
    abandoned_carts: ir.Table,
    feature_options: FeatureOptions,
) -> ir.Table:
    """Return the feature frame, still lazy, after checking the raw tables.

    Raises:
        DataError: A raw table cannot be used; see `features.read_raw_tables`.
    """
    tables = {
        "orders": orders,
        "users": users,
        "inventory": inventory,
        "regulars": regulars,
        "abandoned_carts": abandoned_carts,
    }
    raw = features.read_raw_tables(
        tables, feature_options.unknown_category, feature_options.first_order_date
    )
    return features.build_feature_frame(raw, feature_options)
