"""The features beyond the 27 columns, by group: tables, defaults and what is made of them.

Each group of `columns.EXTENDED_GROUPS` is built on its own, so that a shop can leave out what
does not help it.
"""

from collections.abc import Callable, Iterator, Mapping

import ibis
import ibis.expr.types as ir

from push_propensity.features.affinity import affinity
from push_propensity.features.exploration import new_products_of_type, new_share
from push_propensity.features.history import days_since_purchase, own_history
from push_propensity.features.intent import cart_history, open_cart, regular_age
from push_propensity.features.neighbours import neighbour_share
from push_propensity.features.options import FeatureOptions
from push_propensity.features.orders import order_habits
from push_propensity.features.popularity import first_sales, popularity_trend
from push_propensity.features.raw_tables import RawTables
from push_propensity.features.rhythm import own_rhythm
from push_propensity.features.streak import bought_again, own_streak, repurchase_rate
from push_propensity.features.text import (
    older_products,
    text_popularity,
    text_purchase_share,
    text_repurchase_rate,
    text_similarity,
)
from push_propensity.frame.columns import EXTENDED_GROUPS, PRODUCT, PRODUCT_TYPE, VENDOR

Joined = tuple[ir.Table, list[str]]
Builder = Callable[[RawTables, ir.Table, FeatureOptions], Iterator[Joined]]

OWN_KEYS = {"own_product": PRODUCT, "own_product_type": PRODUCT_TYPE, "own_vendor": VENDOR}


def extended_names(options: FeatureOptions) -> list[str]:
    """Return the columns of the groups that are built, in the order of the frame."""
    return [feature.name for group in _built(options) for feature in EXTENDED_GROUPS[group]]


def extended_tables(raw: RawTables, points: ir.Table, options: FeatureOptions) -> Iterator[Joined]:
    """Yield the tables of the groups that are built and the columns that lead to them."""
    for group in _built(options):
        if group in _TABLES:
            yield from _TABLES[group](raw, points, options)


def add_row_features(rows: ir.Table, options: FeatureOptions) -> ir.Table:
    """Add the features that are made of other columns of the row."""
    made: dict[str, ir.Value] = {}
    for group in _built(options):
        if group in _MADE:
            made |= _MADE[group](rows, options)
    return rows.mutate(**made) if made else rows


def extended_defaults(options: FeatureOptions) -> dict[str, float]:
    """Return each column's value where its table has no row, for the groups that are built."""
    extended = options.extended
    orders, days = float(extended.never_orders), float(extended.never_days)
    said = {
        **{f"orders_since_purchase_{key}": orders for key in OWN_KEYS.values()},
        f"days_since_purchase_{VENDOR}": options.product_type.days_since_purchase,
        "days_since_order": days,
        "own_days_between_orders": extended.days_between_orders,
        "new_share": 1.0,
        "days_since_regular": days,
        "days_since_cart": days,
        "hours_since_open_cart": 24 * days,
        "relative_basket_size": 1.0,
    }
    names = set(extended_names(options)) - _MADE_COLUMNS
    return {name: said.get(name, 0.0) for name in sorted(names)}


def _built(options: FeatureOptions) -> list[str]:
    return [group for group in EXTENDED_GROUPS if group in options.extended.groups]


def _own(key: str) -> Builder:
    def tables(raw: RawTables, points: ir.Table, _: FeatureOptions) -> Iterator[Joined]:
        yield own_history(raw, points, key), ["order_id", key]
        if key == VENDOR:
            yield days_since_purchase(raw, points, key), ["order_id", key]

    return tables


def _user(raw: RawTables, points: ir.Table, _: FeatureOptions) -> Iterator[Joined]:
    yield order_habits(raw, points), ["order_id"]


def _product(raw: RawTables, points: ir.Table, options: FeatureOptions) -> Iterator[Joined]:
    yield repurchase_rate(raw, points), ["month", PRODUCT]
    yield popularity_trend(raw, options.extended.trend_days), ["day", PRODUCT]
    yield first_sales(raw), [PRODUCT]


def _affinity(raw: RawTables, points: ir.Table, options: FeatureOptions) -> Iterator[Joined]:
    yield affinity(raw, points, options.extended.affinity), ["order_id", PRODUCT]


def _exploration(raw: RawTables, points: ir.Table, _: FeatureOptions) -> Iterator[Joined]:
    yield new_products_of_type(raw, points), ["order_id", PRODUCT_TYPE]
    yield new_share(raw, points), ["order_id"]


def _neighbours(raw: RawTables, points: ir.Table, options: FeatureOptions) -> Iterator[Joined]:
    shares = neighbour_share(raw, points, options.extended.neighbours)
    yield shares, ["month", "user_id", PRODUCT]


def _intent(raw: RawTables, points: ir.Table, _: FeatureOptions) -> Iterator[Joined]:
    if raw.cart_items is not None:
        yield cart_history(points, raw.cart_items), ["order_id", PRODUCT]
        yield open_cart(raw, points, raw.cart_items), ["order_id"]
    if raw.regulars is not None:
        yield regular_age(points, raw.regulars), ["order_id", PRODUCT]


def _rhythm(raw: RawTables, points: ir.Table, options: FeatureOptions) -> Iterator[Joined]:
    usual_days = options.product.avg_days_to_buy
    yield own_rhythm(raw, points, options.minimum_gaps, usual_days), ["order_id", PRODUCT]


def _streak(raw: RawTables, points: ir.Table, _: FeatureOptions) -> Iterator[Joined]:
    yield own_streak(raw, points), ["order_id", PRODUCT]
    yield bought_again(raw, points), ["month", PRODUCT]


def _text(raw: RawTables, points: ir.Table, options: FeatureOptions) -> Iterator[Joined]:
    if raw.names is not None:
        near = older_products(raw, raw.names, options.extended.text)
        yield text_similarity(near), [PRODUCT]
        yield text_popularity(raw, points, near, options.popularity_days), ["day", PRODUCT]
        yield text_repurchase_rate(raw, points, near), ["month", PRODUCT]
        yield text_purchase_share(raw, points, near), ["order_id", PRODUCT]


_TABLES: Mapping[str, Builder] = {
    **{group: _own(key) for group, key in OWN_KEYS.items()},
    "user": _user,
    "product": _product,
    "affinity": _affinity,
    "exploration": _exploration,
    "neighbours": _neighbours,
    "intent": _intent,
    "rhythm": _rhythm,
    "streak": _streak,
    "text": _text,
}


def _due(key: str) -> Callable[[ir.Table, FeatureOptions], dict[str, ir.Value]]:
    """Make the user's own days to buy, else everybody's, and the days since relative to them."""

    def make(rows: ir.Table, options: FeatureOptions) -> dict[str, ir.Value]:
        own = rows[f"own_days_to_buy_{key}"]
        vendor_days = ibis.literal(options.extended.vendor_days_to_buy)
        usual = vendor_days if key == VENDOR else rows[f"avg_days_to_buy_{key}"]
        days_to_buy = ibis.coalesce(own, usual)
        due = _ratio(rows[f"days_since_{key}"].fill_null(0), days_to_buy)
        return {f"own_days_to_buy_{key}": days_to_buy, f"due_ratio_{key}": due}

    return make


def _order_due(rows: ir.Table, _: FeatureOptions) -> dict[str, ir.Value]:
    return {"order_due_ratio": _ratio(rows.days_since_order, rows.own_days_between_orders)}


def _sold_since(rows: ir.Table, _: FeatureOptions) -> dict[str, ir.Value]:
    return {"days_since_first_sale": rows.day - rows.first_sale}


def _calendar(rows: ir.Table, _: FeatureOptions) -> dict[str, ir.Value]:
    return {
        "day_of_week": rows.moment.day_of_week.index() + 1,
        "day_of_month": rows.moment.day(),
        "hour_of_day": rows.moment.hour(),
    }


def _own_deviation(rows: ir.Table, _: FeatureOptions) -> dict[str, ir.Value]:
    """Take everybody's deviation where the user has too few gaps."""
    name = f"std_days_to_buy_{PRODUCT}"
    return {f"own_{name}": ibis.coalesce(rows[f"own_{name}"], rows[name])}


def _run_of_orders(rows: ir.Table, _: FeatureOptions) -> dict[str, ir.Value]:
    """None of the earlier orders held what was never bought."""
    return {"order_run": ibis.coalesce(rows.order_run, 1 - rows.user_order_seq)}


def _ratio(days: ir.NumericValue, usual: ir.NumericValue) -> ir.NumericValue:
    """Return days as a multiple of the usual days, which count as one day at least."""
    return ibis.least(days / ibis.greatest(usual, 1.0), 1_000.0)


_MADE: Mapping[str, Callable[[ir.Table, FeatureOptions], dict[str, ir.Value]]] = {
    **{group: _due(key) for group, key in OWN_KEYS.items()},
    "user": _order_due,
    "product": _sold_since,
    "calendar": _calendar,
    "rhythm": _own_deviation,
    "streak": _run_of_orders,
}
_MADE_COLUMNS = {
    *(f"{name}_{key}" for name in ("own_days_to_buy", "due_ratio") for key in OWN_KEYS.values()),
    "order_due_ratio",
    "days_since_first_sale",
    f"own_std_days_to_buy_{PRODUCT}",
    "order_run",
    *(feature.name for feature in EXTENDED_GROUPS["calendar"]),
}
