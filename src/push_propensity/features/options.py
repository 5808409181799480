"""The windows and defaults of the features."""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field


class HistoryDefaults(BaseModel):
    """Values, in days, for a product or product type without enough history."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    days_since_purchase: float = Field(ge=0)
    avg_days_to_buy: float = Field(ge=0)
    std_days_to_buy: float = Field(ge=0)


class HouseholdDefaults(BaseModel):
    """Head counts of a user who gave none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    count_adults: float = Field(2.0, ge=0)
    count_children: float = Field(0.0, ge=0)
    count_babies: float = Field(0.0, ge=0)
    count_pets: float = Field(0.0, ge=0)


class FeatureOptions(BaseModel):
    """Every window and default of the feature frame.

    Attributes:
        listing_days: How many days after its latest sale a product stays listed.
        minimum_orders: In how many earlier orders a product must be to be listed.
        popularity_days: How many calendar days before the order's day popularity counts.
        minimum_gaps: How many gaps between purchases median and deviation need.
        first_order_date: Orders before this day are history only and get no rows; null: none are.
        product: Defaults for the columns that end in `_variant_id`.
        product_type: Defaults for the columns that end in `_product_type`.
        household: Defaults for the household columns.
        unknown_category: What stands for a missing product type or vendor.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    listing_days: int = Field(30, ge=1)
    minimum_orders: int = Field(1, ge=1)
    popularity_days: int = Field(14, ge=1)
    minimum_gaps: int = Field(5, ge=2)
    first_order_date: date | None = None
    product: HistoryDefaults = HistoryDefaults(
        days_since_purchase=33.0, avg_days_to_buy=34.0, std_days_to_buy=27.693045
    )
    product_type: HistoryDefaults = HistoryDefaults(
        days_since_purchase=30.0, avg_days_to_buy=34.0, std_days_to_buy=27.693045
    )
    household: HouseholdDefaults = HouseholdDefaults()
    unknown_category: str = Field("unknown", min_length=1)
