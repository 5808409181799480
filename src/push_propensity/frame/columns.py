"""The feature frame: its columns, what each one means and the values it may take.

One row per (order, product listed at the order's time). Every frame has the columns `COLUMNS`; it
may have extended features and metadata too. This module imports nothing heavy, so that whoever
predicts can use it too.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from push_propensity.errors import DataError

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
DAYS_SINCE_PURCHASE = "days_since_purchase_variant_id"
OWN_FREQUENCY = "purchase_share_variant_id"
DAYS_SINCE_FIRST_SALE = "days_since_first_sale"
DECAYED_FREQUENCY = "decayed_frequency_56"
NEIGHBOUR_SHARE = "neighbour_share"
BASKET_SIZE = "basket_size"
SAMPLING_WEIGHT = "sampling_weight"

FeatureChoice = Literal["frame", "extended"]


@dataclass(frozen=True)
class Feature:
    """A feature column and the fixed physical bounds of its values (both inclusive).

    `group` names the extended features that belong together; the 27 columns have none. `since` says
    that it is the time since something happened, which grows for whoever stays away.
    """

    name: str
    kind: Literal["number", "category"]
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    group: str = ""
    since: bool = False


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


def _days_since(event: str) -> Feature:
    return replace(_days(f"days_since_{event}"), since=True)


def _days_past(name: str) -> Feature:
    bounds = (-36_500.0, 36_500.0)
    return Feature(name, "number", *bounds, "days, negative before", since=True)


def _ratio(name: str) -> Feature:
    return Feature(name, "number", 0.0, 1_000.0, "ratio")


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
    _days_since("purchase_variant_id"),
    _days("avg_days_to_buy_variant_id"),
    _days("std_days_to_buy_variant_id"),
    _days_since("purchase_product_type"),
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

RECENT_ORDERS: tuple[int, ...] = (1, 3, 5, 10)
HALF_LIVES: tuple[int, ...] = (14, 56, 182)
NEXT_ORDERS: tuple[int, ...] = (2, 3, 4, 5)
EXPLORED_ORDERS: tuple[int, ...] = (1, 3, 10, 30)


def _own_history(key: str) -> tuple[Feature, ...]:
    return (
        _count(f"purchases_{key}"),
        _share(f"purchase_share_{key}"),
        *(_share(f"purchase_share_last_{orders}_{key}") for orders in RECENT_ORDERS),
        _share(f"purchase_rate_{key}"),
        _count(f"orders_since_purchase_{key}"),
        _days(f"own_days_to_buy_{key}"),
        _ratio(f"due_ratio_{key}"),
    )


EXTENDED_GROUPS: dict[str, tuple[Feature, ...]] = {
    "own_product": _own_history(PRODUCT),
    "own_product_type": _own_history(PRODUCT_TYPE),
    "own_vendor": (_days_since(f"purchase_{VENDOR}"), *_own_history(VENDOR)),
    "user": (
        _days_since("order"),
        _days("own_days_between_orders"),
        _ratio("order_due_ratio"),
        _count("last_basket_size"),
        _count("mean_basket_size"),
    ),
    "product": (
        _share("repurchase_rate"),
        Feature("popularity_trend", "number", -1.0, 1.0, "difference of shares"),
        _days_since("first_sale"),
    ),
    "affinity": (_share("affinity_history"), _share("affinity_last_order")),
    "exploration": (
        *(_share(f"new_share_last_{orders}_{PRODUCT_TYPE}") for orders in EXPLORED_ORDERS),
        _share("new_share"),
    ),
    "neighbours": (_share(NEIGHBOUR_SHARE),),
    "intent": (
        _days_since("regular"),
        _days_since("cart"),
        _count("carts_before"),
        Feature("hours_since_open_cart", "number", 0.0, 876_000.0, "hours", since=True),
        _count("open_cart_size"),
    ),
    "calendar": (
        Feature("day_of_week", "number", 1.0, 7.0, "day, Monday is 1"),
        Feature("day_of_month", "number", 1.0, 31.0, "day"),
        Feature("hour_of_day", "number", 0.0, 23.0, "hour"),
    ),
    "rhythm": (
        *(_share(f"decayed_frequency_{days}") for days in HALF_LIVES),
        _days_past("days_past_longest_gap"),
        _days_past("days_past_shortest_gap"),
        _days_past("days_past_mean_gap"),
        _days(f"own_std_days_to_buy_{PRODUCT}"),
        _share("repurchase_hazard"),
    ),
    "streak": (
        Feature("order_run", "number", -1_000.0, 1_000.0, "count, negative without it"),
        *(_share(f"bought_again_within_{orders}") for orders in NEXT_ORDERS),
        _share("bought_again_after_first"),
        _share("one_shot_share"),
        _ratio("relative_basket_size"),
        _share("weekday_share"),
    ),
    "text": (
        _share("text_similarity"),
        _share("text_popularity"),
        _share("text_repurchase_rate"),
        _share("text_purchase_share"),
    ),
}
EXTENDED_FEATURES: tuple[Feature, ...] = tuple(
    replace(feature, group=group)
    for group, features in EXTENDED_GROUPS.items()
    for feature in features
)
EXTENDED_NAMES: tuple[str, ...] = tuple(feature.name for feature in EXTENDED_FEATURES)
FEATURE_OF: Mapping[str, Feature] = {f.name: f for f in (*FEATURES, *EXTENDED_FEATURES)}

# What travels with a row and is never a feature: how many distinct products the order holds,
# listed or not, and how many candidate rows a sampled row stands for.
METADATA: tuple[str, ...] = (BASKET_SIZE, SAMPLING_WEIGHT)


def describe_features(names: Iterable[str]) -> str:
    """Say how many of some features every frame has, and how many are extended, by group.

    Examples:
        >>> describe_features(["vendor", "count_pets", "due_ratio_vendor", "day_of_week"])
        '2 features that every frame has and 2 extended ones: own_vendor (1), calendar (1)'
    """
    counts = Counter(FEATURE_OF[name].group for name in names)
    plain = f"{counts.pop('', 0)} features that every frame has"
    if not counts:
        return plain
    listed = ", ".join(f"{name} ({counts[name]})" for name in EXTENDED_GROUPS if name in counts)
    return f"{plain} and {counts.total()} extended ones: {listed}"


def choose_features(columns: Collection[str], choice: FeatureChoice) -> tuple[str, ...]:
    """Name the features that the candidates use.

    Args:
        columns: The columns of the feature frame.
        choice: `frame` for those that every frame has, `extended` for these and every extended
            feature among the columns.

    Returns:
        The features of the frame, then the extended ones, each in the order of this module.

    Raises:
        DataError: If extended features are asked for and there are none.

    Examples:
        >>> choose_features([*COLUMNS, "day_of_week"], "extended")[-2:]
        ('std_days_to_buy_product_type', 'day_of_week')
    """
    if choice == "frame":
        return FEATURE_NAMES
    extended = tuple(name for name in EXTENDED_NAMES if name in columns)
    if not extended:
        raise DataError(
            "model_selection.features is extended, and the feature frame has no extended feature. "
            "Build the frame from raw tables with extended features, or set "
            "model_selection.features to frame."
        )
    return FEATURE_NAMES + extended


def pick_numbers(features: Iterable[str]) -> list[str]:
    """Return the features that are numbers, in their order.

    Examples:
        >>> pick_numbers(["vendor", "count_pets", "discount_pct"])
        ['count_pets', 'discount_pct']
    """
    return [name for name in features if name not in CATEGORICAL_FEATURES]
