"""Nodes of the `feature_engineering` pipeline."""

import ibis.expr.types as ir

from push_propensity import features
from push_propensity.features import FeatureOptions


def build_feature_frame(
    orders: ir.Table,
    inventory: ir.Table,
    users: ir.Table | None,
    regulars: ir.Table | None,
    abandoned_carts: ir.Table | None,
    prices: ir.Table | None,
    feature_options: FeatureOptions,
) -> ir.Table:
    """Return the feature frame, still lazy, after checking the raw tables.

    Raises:
        DataError: A raw table cannot be used; see `features.read_raw_tables`.
    """
    tables = {
        "orders": orders,
        "inventory": inventory,
        "users": users,
        "regulars": regulars,
        "abandoned_carts": abandoned_carts,
        "prices": prices,
    }
    raw = features.read_raw_tables(tables, feature_options)
    return features.build_feature_frame(raw, feature_options)
