"""Nodes of the `feature_engineering` pipeline."""

import ibis.expr.types as ir

from push_propensity import features
from push_propensity.features import FeatureOptions, RawTables
from push_propensity.splits import SplitOptions


def read_raw_tables(
    orders: ir.Table,
    inventory: ir.Table,
    users: ir.Table | None,
    regulars: ir.Table | None,
    abandoned_carts: ir.Table | None,
    prices: ir.Table | None,
    feature_options: FeatureOptions,
) -> RawTables:
    """Check the raw tables, of which all but the first two may be absent.

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
    return features.read_raw_tables(tables, feature_options)


def build_feature_frame(
    raw: RawTables, feature_options: FeatureOptions, split: SplitOptions
) -> ir.Table:
    """Return the feature frame, still lazy; of the training days a sample, if that is asked for."""
    first_whole_day = features.find_first_whole_day(raw, feature_options, split)
    return features.build_feature_frame(raw, feature_options, first_whole_day)
