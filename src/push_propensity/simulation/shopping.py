"""One user's life in the shop: orders, regulars, snoozes and abandoned carts."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from push_propensity.simulation.catalogue import Catalogue
from push_propensity.simulation.options import SimulationOptions
from push_propensity.simulation.population import draw_type_tastes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MINUTE = 1.0 / 1_440.0


@dataclass(frozen=True)
class Visit:
    """An order or an abandoned cart: the day since the start, and indices of the products."""

    day: float
    products: Ints


@dataclass(frozen=True)
class Regular:
    """A product set as regular on a day, perhaps snoozed between two days."""

    product: int
    day: float
    snoozed: tuple[float, float] | None = None


class Traces(NamedTuple):
    """What one user leaves behind in the shop, each in order of time."""

    orders: list[Visit]
    carts: list[Visit]
    regulars: list[Regular]


@dataclass
class Shopper:
    """A user with tastes and rhythms, who remembers and leaves a trace in the shop.

    Attributes:
        catalogue: What the shop sells.
        options: Of the whole simulation.
        rng: The user's own random stream.
        top_up: Whether the user mostly tops up a few products.
        taste: Log odds of each product, shape (products,).
        rhythm: Days that a purchase of each product lasts, shape (products,).
        orders: In order of time, as `carts` and `regulars` are.
    """

    catalogue: Catalogue
    options: SimulationOptions
    rng: np.random.Generator
    top_up: bool
    taste: Floats
    rhythm: Floats
    uses_regulars: bool
    orders: list[Visit] = field(default_factory=list)
    carts: list[Visit] = field(default_factory=list)
    regulars: list[Regular] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._last_bought = np.full(len(self.taste), -np.inf)
        self._regular_since = np.full(len(self.taste), np.inf)
        self._snoozed_until = np.full(len(self.taste), -np.inf)

    def live(self, days: Floats) -> Traces:
        """Order on the given days and leave regulars, snoozes and carts on the way."""
        until = np.append(days[1:], float(self.options.days))
        if self.uses_regulars:
            self._set_at_sign_up(float(days[0]))
        for day, next_day in zip(days.tolist(), until.tolist(), strict=True):
            longest = 0.9 * (day - self.orders[-1].day) if self.orders else np.inf
            self._order(day)
            self._leave_cart_before(longest)
            if self.uses_regulars:
                self._tend_regulars((next_day - day) / 2)
        self._leave_last_cart()
        return Traces(self.orders, self.carts, self.regulars)

    def log_odds(self, day: float) -> Floats:
        """Return the log odds of each product, shape (products,), -inf if not launched.

        A product bought before gains `habit`, the more of it the longer the purchase lies back:
        the need is 1 - exp(-(days since / rhythm)^2), a Weibull waiting time of shape 2.
        """
        basket = self.options.basket
        elapsed = (day - self._last_bought) / self.rhythm
        need = np.maximum(-np.expm1(-(elapsed**2)), 1e-3)
        habit = np.isfinite(self._last_bought) * basket.habit + np.log(need)
        regular = (self._regular_since < day) * basket.regular
        snoozed = (self._snoozed_until > day) * basket.snoozed
        return np.asarray(self._liking(day) + habit + regular + snoozed)

    def _liking(self, day: float) -> Floats:
        return self.catalogue.popularity_at(day) + self.taste

    def _order(self, day: float) -> None:
        chosen = self._choose(self.log_odds(day), self._draw_basket_size())
        self.orders.append(Visit(day, chosen))
        self._last_bought[chosen] = day

    def _draw_basket_size(self) -> int:
        wanted = self.options.basket
        # Users who top up do it more often than the average, others mostly leave a full box.
        if self.rng.random() < wanted.small_share * (1.6 if self.top_up else 0.4):
            return int(min(self.rng.geometric(1.0 / wanted.small_mean), wanted.largest))
        size = wanted.full_median * self.rng.lognormal(0.0, wanted.full_spread)
        return int(np.clip(round(size), 1, wanted.largest))

    def _choose(self, log_odds: Floats, size: int) -> Ints:
        """Draw products without replacement with odds exp(log_odds): the Gumbel top-k trick."""
        noisy = log_odds + self.rng.gumbel(size=len(log_odds))
        available = int(np.isfinite(log_odds).sum())
        return np.argsort(-noisy, kind="stable")[: min(size, available)]

    def _set_at_sign_up(self, first_day: float) -> None:
        day = first_day - MINUTE * self.rng.uniform(5, 30)
        count = int(self.rng.poisson(self.options.regulars.at_sign_up))
        for product in self._choose(self._liking(day), count):
            self._set_regular(int(product), day)

    def _set_regular(self, product: int, day: float) -> None:
        self.regulars.append(Regular(product, day))
        self._regular_since[product] = day

    def _tend_regulars(self, latest: float) -> None:
        """Set products of the last order as regular and snooze what is not needed for a while."""
        order = self.orders[-1]
        day = order.day + min(MINUTE * self.rng.uniform(2, 300), latest)
        wanted = self.rng.random(len(order.products)) < self.options.regulars.after_purchase
        for product in order.products[wanted]:
            if np.isinf(self._regular_since[product]):
                self._set_regular(int(product), day)
        self._snooze(day)

    def _snooze(self, day: float) -> None:
        awake = (self._regular_since <= day) & (self._snoozed_until < day)
        for product in np.flatnonzero(awake):
            if self.rng.random() < self.options.regulars.snooze:
                until = day + self.rng.exponential(self.options.regulars.snooze_days)
                since = float(self._regular_since[product])
                self.regulars.append(Regular(int(product), since, (day, until)))
                self._snoozed_until[product] = until

    def _leave_cart_before(self, longest: float) -> None:
        """Leave a cart before the last order: most of it is what was bought in the end."""
        wanted = self.options.carts
        if self.rng.random() >= wanted.before_order:
            return
        order = self.orders[-1]
        lag = wanted.lag_days * self.rng.lognormal(0.0, 1.2) + 10 * MINUTE
        day = order.day - min(lag, longest)
        planned = order.products[self.rng.random(len(order.products)) < wanted.planned_share]
        planned = planned[self.catalogue.launch[planned] < day]
        dropped = int(self.rng.binomial(len(planned) + 1, wanted.dropped_share))
        self._leave_cart(day, planned, dropped)

    def _leave_last_cart(self) -> None:
        """Perhaps leave a cart after the last order, never bought."""
        if self.rng.random() < self.options.carts.without_order:
            day = self.rng.uniform(self.orders[-1].day, float(self.options.days))
            size = 1 + int(self.rng.poisson(4))
            self._leave_cart(day, np.empty(0, dtype=np.int64), size)

    def _leave_cart(self, day: float, planned: Ints, others: int) -> None:
        liking = self._liking(day)
        liking[self.orders[-1].products] = -np.inf
        products = np.concatenate([planned, self._choose(liking, others)])
        if len(products) and day > 0:
            self.carts.append(Visit(day, products))


def draw_shopper(
    household: Ints,
    top_up: bool,
    catalogue: Catalogue,
    options: SimulationOptions,
    rng: np.random.Generator,
) -> Shopper:
    """Draw one user's tastes and rhythms.

    Args:
        household: Adults, children, babies and pets, shape (4,).
        top_up: Whether the user mostly tops up a few products.
        catalogue: What the shop sells.
        options: Of the whole simulation.
        rng: The user's own random stream.
    """
    products = len(catalogue.product_id)
    by_type = draw_type_tastes(household, options.users.taste_type, rng)
    own = options.users.taste_product * rng.standard_normal(products)
    spread = rng.lognormal(0.0, options.basket.rhythm_spread, products)
    return Shopper(
        catalogue=catalogue,
        options=options,
        rng=rng,
        top_up=top_up,
        taste=by_type[catalogue.type_index] + own,
        rhythm=catalogue.rhythm_days * spread,
        uses_regulars=bool(rng.random() < options.regulars.users_share),
    )
