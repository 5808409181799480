"""The options of the simulation; every number that shapes the shop is here."""

from datetime import date
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Month = Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]

FROZEN = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class CatalogueOptions(BaseModel):
    """The products and how their popularity spreads and drifts."""

    model_config = FROZEN

    products: int = Field(gt=0, le=20_000, description="products launched until the end")
    product_types: int = Field(default=62, gt=0, le=62)
    vendors: int = Field(default=264, gt=0, le=2_000)
    initial_share: Share = Field(default=0.63, description="of the products, on the first day")
    all_launched_by: date | None = Field(default=None, description="end where null")
    launch_start: date | None = Field(default=None, description="start where null")
    popularity_spread: NonNegative = Field(default=1.05, description="deviation of the logarithm")
    popularity_skew: NonNegative = Field(default=0.065, description="how far the best stand out")
    popularity_drift: NonNegative = Field(default=0.25, description="deviation of its wandering")
    drift_weeks: Positive = Field(default=8.0, description="memory of the wandering")
    free_share: Share = Field(default=0.02, description="products given away, price 0")


class UserOptions(BaseModel):
    """Who comes, how often they return and what they like."""

    model_config = FROZEN

    users: int = Field(gt=0, le=1_000_000)
    monthly_growth: float = Field(
        default=1.27, gt=0, le=5, description="sign-ups, month over month"
    )
    return_alpha: Positive = Field(default=0.8, description="Beta prior of coming back")
    return_beta: Positive = Field(default=1.5, description="Beta prior of not coming back")
    gap_days: Positive = Field(default=30.0, description="median days between orders")
    gap_spread_users: NonNegative = 0.5
    gap_spread_orders: NonNegative = 0.45
    household_known: Share = Field(default=0.088, description="users who tell their household")
    taste_type: NonNegative = Field(default=0.6, description="deviation over product types")
    taste_product: NonNegative = Field(default=0.6, description="deviation over products")


class BasketOptions(BaseModel):
    """How large an order is and what pulls a product into it."""

    model_config = FROZEN

    small_share: Share = Field(default=0.205, description="orders that top up a few products")
    small_mean: Annotated[float, Field(ge=1)] = 2.3
    full_median: Annotated[float, Field(ge=1)] = 10.35
    full_spread: NonNegative = 0.545
    largest: int = Field(default=90, gt=0)
    habit: float = Field(default=2.42, description="log odds of a product bought before and due")
    rhythm_spread: NonNegative = Field(default=0.35, description="of a user's own rhythm")
    regular: float = Field(default=2.42, description="log odds of a product set as regular")
    snoozed: float = Field(default=-2.75, description="log odds of a snoozed product")
    quantity: Annotated[float, Field(ge=1)] = Field(default=1.29, description="mean pieces")


class RegularOptions(BaseModel):
    """How users set products as regular and snooze them."""

    model_config = FROZEN

    users_share: Share = Field(default=0.5, description="users who set regulars at all")
    at_sign_up: NonNegative = Field(default=1.5, description="mean products set at sign-up")
    after_purchase: Share = Field(default=0.225, description="of the items of an order")
    snooze: Share = Field(default=0.68, description="of the regulars, after an order")
    snooze_days: Positive = Field(default=100.0, description="mean length")


class CartOptions(BaseModel):
    """How carts are abandoned before an order, and without one."""

    model_config = FROZEN

    before_order: Share = Field(default=0.074, description="orders with an abandoned cart before")
    lag_days: Positive = Field(default=0.5, description="median time from cart to order")
    planned_share: Share = Field(default=0.5, description="of the later order, in the cart")
    dropped_share: Share = Field(default=0.32, description="of the cart, not in the order")
    without_order: Share = Field(default=0.15, description="users who leave a cart at the end")


class SimulationOptions(BaseModel):
    """Everything the simulation needs; the same options give the same tables.

    Attributes:
        seed: Of all randomness.
        start: The first day of the shop.
        end: The last day, included.
        season: How busy a month is, relative to others; 1 where a month is not named.
        quiet_days: Days on which hardly anybody orders.
    """

    model_config = FROZEN

    seed: int = Field(ge=0)
    start: date
    end: date
    season: dict[Month, Positive] = Field(default_factory=dict)
    quiet_days: tuple[date, ...] = ()
    catalogue: CatalogueOptions
    users: UserOptions
    basket: BasketOptions = BasketOptions()
    regulars: RegularOptions = RegularOptions()
    carts: CartOptions = CartOptions()

    @model_validator(mode="after")
    def _check_dates(self) -> Self:
        if self.end <= self.start:
            raise ValueError("end must be after start")
        first = self.catalogue.launch_start or self.start
        last = self.catalogue.all_launched_by or self.end
        if not self.start <= first <= last:
            raise ValueError("launches must begin on or after start and end after they begin")
        return self

    @property
    def days(self) -> int:
        """How many days the shop is open."""
        return (self.end - self.start).days + 1
