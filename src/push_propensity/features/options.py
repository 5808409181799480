"""The windows and defaults of the features."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Group = Literal[
    "own_product",
    "own_product_type",
    "own_vendor",
    "user",
    "product",
    "affinity",
    "exploration",
    "neighbours",
    "intent",
    "calendar",
    "rhythm",
    "streak",
    "text",
]


class Options(BaseModel):
    """Checked once and never changed."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class HistoryDefaults(Options):
    """Values, in days, for a product or product type without enough history."""

    days_since_purchase: float = Field(ge=0)
    avg_days_to_buy: float = Field(ge=0)
    std_days_to_buy: float = Field(ge=0)


class HouseholdDefaults(Options):
    """Head counts of a user who gave none."""

    count_adults: float = Field(2.0, ge=0)
    count_children: float = Field(0.0, ge=0)
    count_babies: float = Field(0.0, ge=0)
    count_pets: float = Field(0.0, ge=0)


class AffinityOptions(Options):
    """Which products go together.

    Attributes:
        months: How many calendar months before the moment's month count.
        largest_basket: Orders with more products say little about any pair, and are left out.
        minimum_orders: In how many orders a pair must be.
        neighbours: How many products each product is compared with, the most similar ones.
    """

    months: int = Field(3, ge=1)
    largest_basket: int = Field(60, ge=2)
    minimum_orders: int = Field(2, ge=1)
    neighbours: int = Field(20, ge=1)


class NeighbourOptions(Options):
    """Which users are like a user.

    Attributes:
        asymmetry: The power of the user's own number of products in the similarity; that of the
            other's is 1 - asymmetry.
        exponent: Similarities are raised to it, so that the most similar users say most.
        orders: How many of a neighbour's latest orders count.
        users: Only so many users, those with the latest orders, may be neighbours: time and memory
            grow with the users times these.
        nearest: How many neighbours a user has, the most similar ones.
    """

    asymmetry: float = Field(0.5, ge=0, le=1)
    exponent: float = Field(5.0, gt=0, le=100)
    orders: int = Field(7, ge=1, le=1_000)
    users: int = Field(1_000, ge=1)
    nearest: int = Field(100, ge=1, le=100_000)


class TextOptions(Options):
    """Which products' names are alike.

    Attributes:
        components: Of the truncated singular value decomposition of the names' n-grams.
        nearest: How many older products a product is compared with, the most similar ones.
        minimum_similarity: Less similar ones are left out.
        exponent: Similarities are raised to it, so that the most similar products say most.
    """

    components: int = Field(64, ge=1)
    nearest: int = Field(10, ge=1)
    minimum_similarity: float = Field(0.3, gt=0, le=1)
    exponent: float = Field(4.0, gt=0, le=100)


class ExtendedOptions(Options):
    """The features beyond the 27 columns.

    Attributes:
        groups: Which groups of `columns.EXTENDED_GROUPS` are built; none: the 27 columns
            alone.
        never_orders: Orders since something that never happened.
        never_days: Days since something that never happened.
        days_between_orders: For a user with a single order.
        vendor_days_to_buy: Days until a user buys from a vendor again, where unknown.
        trend_days: The shorter and the longer window, in calendar days, of the popularity trend.
        affinity: Which products go together.
        neighbours: Which users are like a user.
        text: Which products' names are alike.
    """

    groups: tuple[Group, ...] = ()
    never_orders: int = Field(100, ge=1)
    never_days: int = Field(365, ge=1)
    days_between_orders: float = Field(30.0, gt=0)
    vendor_days_to_buy: float = Field(34.0, gt=0)
    trend_days: tuple[int, int] = (7, 28)
    affinity: AffinityOptions = AffinityOptions()
    neighbours: NeighbourOptions = NeighbourOptions()
    text: TextOptions = TextOptions()


class SamplingOptions(Options):
    """Which rows are built where the catalogue is huge.

    Attributes:
        share: Of the rows without a purchase, this share is drawn before the validation days;
            1: every row. A drawn row stands for 1 / share rows.
        popular_products: The most popular products of a day are always there.
        seed: Seed of the draw.
    """

    share: float = Field(1.0, gt=0, le=1)
    popular_products: int = Field(50, ge=0)
    seed: int = 0


class FeatureOptions(Options):
    """Every window and default of the feature frame.

    Attributes:
        listing_days: How many days after its latest sale a product stays listed.
        minimum_orders: In how many earlier orders a product must be to be listed.
        popularity_days: How many calendar days before the moment's day popularity counts.
        minimum_gaps: How many gaps between purchases their median, deviation and hazard need.
        first_order_date: Orders before this day are history only and get no rows; null: none are.
        lag_hours: How long before its order a row's features are taken.
        product: Defaults for the columns that end in `_variant_id`.
        product_type: Defaults for the columns that end in `_product_type`.
        household: Defaults for the household columns.
        unknown_category: What stands for a missing product type or vendor.
        unknown_price: What stands for the price of every product where no table has prices.
        extended: The features beyond the 27 columns.
        sampling: Which rows are built where the catalogue is huge.
    """

    listing_days: int = Field(30, ge=1)
    minimum_orders: int = Field(1, ge=1)
    popularity_days: int = Field(14, ge=1)
    minimum_gaps: int = Field(5, ge=2)
    first_order_date: date | None = None
    lag_hours: float = Field(0.0, ge=0)
    product: HistoryDefaults = HistoryDefaults(
        days_since_purchase=33.0, avg_days_to_buy=34.0, std_days_to_buy=27.693045
    )
    product_type: HistoryDefaults = HistoryDefaults(
        days_since_purchase=30.0, avg_days_to_buy=34.0, std_days_to_buy=27.693045
    )
    household: HouseholdDefaults = HouseholdDefaults()
    unknown_category: str = Field("unknown", min_length=1)
    unknown_price: float = Field(1.0, gt=0)
    extended: ExtendedOptions = ExtendedOptions()
    sampling: SamplingOptions = SamplingOptions()


class CurrentOptions(Options):
    """For whom, for which products and as of when users are scored.

    Attributes:
        as_of: The moment, in the time of the raw tables; null: right after the latest order.
        active_days: How many days of 24 hours back a user's latest order may be.
        products: The variant_ids of the chosen products; none: every listed product.
    """

    as_of: datetime | None = None
    active_days: int = Field(365, ge=1)
    products: tuple[int | str, ...] = ()

    @field_validator("as_of")
    @classmethod
    def _check_as_of(cls, time: datetime | None) -> datetime | None:
        if time is not None and time.tzinfo is not None:
            raise ValueError(
                "The times of the raw tables have no zone: write the shop's local time without one"
            )
        return time
