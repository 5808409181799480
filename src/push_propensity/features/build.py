"""The feature frame, to learn from or to score: one row per point and listed product."""

from collections.abc import Iterator
from datetime import date

import ibis.expr.types as ir
from ibis import _

from push_propensity.features.constants import constant
from push_propensity.features.extended import (
    Joined,
    add_row_features,
    extended_defaults,
    extended_names,
    extended_tables,
)
from push_propensity.features.history import days_since_purchase, ordered_before, outcome
from push_propensity.features.household import household
from push_propensity.features.intent import abandoned_before, active_snoozed, set_as_regular
from push_propensity.features.listing import choose_products, list_products
from push_propensity.features.options import CurrentOptions, FeatureOptions
from push_propensity.features.points import active_users, just_after_the_data, repeat_orders
from push_propensity.features.popularity import popularity
from push_propensity.features.products import add_product_columns
from push_propensity.features.raw_tables import RawTables
from push_propensity.features.rhythm import days_to_buy
from push_propensity.features.sampling import sample_rows
from push_propensity.frame.columns import (
    BASKET_SIZE,
    COLUMNS,
    FEATURE_NAMES,
    FLAGS,
    NUMERIC_FEATURES,
    OUTCOME,
    POPULARITY,
    PRODUCT,
    PRODUCT_TYPE,
    SAMPLING_WEIGHT,
)

PAIR = ["order_id", PRODUCT]
TYPES = dict.fromkeys((OUTCOME, *NUMERIC_FEATURES), "float64") | {"user_order_seq": "int64"}


def build_feature_frame(
    raw: RawTables, options: FeatureOptions, sampled_before: date | None = None
) -> ir.Table:
    """Return the feature frame to learn from, as a lazy table.

    Every feature of an order uses only what was before its moment, the order's `created_at` minus
    `lag_hours`; types, vendors, households and, without a table of prices, prices carry no time and
    are taken as they are.

    Args:
        raw: The raw tables.
        options: Windows, defaults and which extended groups to build.
        sampled_before: Of the orders before this day only a sample of the products is kept, as
            `options.sampling` says; None: of no order.

    Returns:
        The columns of `columns.COLUMNS`, then those of the extended groups, by created_at,
        order_id and variant_id. With extended groups also basket_size; with a sample also
        sampling_weight. No nulls.
    """
    points = repeat_orders(raw, options.lag_hours, options.first_order_date)
    return frame_of_points(raw, points, options, sampled_before)


def frame_of_points(
    raw: RawTables, points: ir.Table, options: FeatureOptions, sampled_before: date | None = None
) -> ir.Table:
    """Return the rows of `build_feature_frame` for some of its points."""
    joined = [(outcome(raw), PAIR)]
    metadata = []
    if options.extended.groups:
        joined.append((raw.orders.select("order_id", BASKET_SIZE), ["order_id"]))
        metadata.append(BASKET_SIZE)
    if sampled_before is None:
        rows = list_products(raw, points, options)
    else:
        rows = sample_rows(raw, points, options, sampled_before)
        metadata.append(SAMPLING_WEIGHT)
    featured = add_features(rows, raw, points, options, joined)
    named = featured.mutate(order_date=_.created_at.truncate("day").cast("timestamp(6)"))
    columns = [*COLUMNS, *extended_names(options), *metadata]
    return _typed(named, columns, options).order_by("created_at", *PAIR)


def build_current_frame(
    raw: RawTables, options: FeatureOptions, current: CurrentOptions
) -> ir.Table:
    """Return the features of every active user and listed product as of a time, as a lazy table.

    They are what `build_feature_frame` gives for an order at that time.

    Args:
        raw: The raw tables.
        options: Windows, defaults and which extended groups to build.
        current: The moment, and for which users and products.

    Returns:
        user_id, variant_id, created_at (the moment), then the features of the 27 columns and those
        of the extended groups, by variant_id and user_id. No nulls.

    Raises:
        DataError: A chosen product is not listed at the moment, or no user is active.
    """
    points = active_users(raw, current.as_of or just_after_the_data(raw), current.active_days)
    rows = choose_products(list_products(raw, points, options), current.products)
    featured = add_features(rows, raw, points, options, [])
    columns = ["user_id", PRODUCT, "created_at", *FEATURE_NAMES, *extended_names(options)]
    return _typed(featured, columns, options).order_by(PRODUCT, "user_id")


def add_features(
    rows: ir.Table,
    raw: RawTables,
    points: ir.Table,
    options: FeatureOptions,
    more: list[Joined],
) -> ir.Table:
    """Add every feature to rows of points and products; what is unknown takes its default."""
    rows = add_product_columns(rows, raw, points)
    tables = [*more, *feature_tables(raw, points, options), *extended_tables(raw, points, options)]
    for number, (values, keys) in enumerate(tables):
        rows = rows.left_join(values, keys, rname=f"{{name}}_{number}")
    known = {
        name: rows[name].fill_null(value) if name in rows.columns else constant(value)
        for name, value in defaults(options).items()
    }
    return add_row_features(rows.mutate(**known), options)


def feature_tables(raw: RawTables, points: ir.Table, options: FeatureOptions) -> Iterator[Joined]:
    """Yield one small table per feature group and the columns that lead from a row to it."""
    yield ordered_before(raw, points), PAIR
    yield popularity(raw, options.popularity_days), ["day", PRODUCT]
    if raw.cart_items is not None:
        yield abandoned_before(raw, points, raw.cart_items), PAIR
    if raw.regulars is not None:
        yield set_as_regular(points, raw.regulars), PAIR
        if "snoozed_at" in raw.regulars.columns:
            yield active_snoozed(points, raw.regulars), PAIR
    if raw.users is not None:
        yield household(raw.users, options.household), ["user_id"]
    for key, keys in ((PRODUCT, PAIR), (PRODUCT_TYPE, ["order_id", PRODUCT_TYPE])):
        yield days_since_purchase(raw, points, key), keys
        yield days_to_buy(raw, points, key, options.minimum_gaps), ["month", key]


def defaults(options: FeatureOptions) -> dict[str, float]:
    """Return each column's value where its feature table has no row."""
    at_home = options.household
    return {
        **dict.fromkeys((OUTCOME, *FLAGS, POPULARITY), 0.0),
        **at_home.model_dump(),
        "people_ex_baby": at_home.count_adults + at_home.count_children,
        **{f"{name}_variant_id": value for name, value in options.product},
        **{f"{name}_product_type": value for name, value in options.product_type},
        **extended_defaults(options),
    }


def _typed(rows: ir.Table, columns: list[str], options: FeatureOptions) -> ir.Table:
    extended = dict.fromkeys(extended_names(options), "float32")
    metadata = {BASKET_SIZE: "int64", SAMPLING_WEIGHT: "float64"}
    types = TYPES | extended | metadata
    return rows.select(*columns).cast({name: types[name] for name in columns if name in types})
