"""One user's life in the shop: orders, regulars, snoozes and abandoned carts."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from push_propensity.simulation.catalogue import Catalogue
from push_propensity.simulation.options import BasketOptions, SimulationOptions
from push_propensity.simulation.population import draw_type_tastes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MINUTE = 1.0 / 1_440.0


@dataclass(frozen=True)
class Visit:
    """An order or an abandoned cart: when, and indices of the products."""

    day: float
    products: Ints


@dataclass(frozen=True)
class Regular:
    """A product set as regular on a day, perhaps snoozed between two days."""

    product: int
    day: float
    snoozed: tuple[float, float] | None = None


@dataclass
class Shopper:
    """What one user likes, remembers and has left behind; arrays have shape (products,)."""

    taste: Floats
    rhythm: Floats
    uses_regulars: bool
    last_bought: Floats
    regular_since: Floats
    snoozed_until: Floats
    orders: list[Visit] = field(default_factory=list)
    carts: list[Visit] = field(default_factory=list)
    regulars: list[Regular] = field(default_factory=list)


def new_shopper(
    household: Ints, catalogue: Catalogue, options: SimulationOptions, rng: np.random.Generator
) -> Shopper:
    """Draw one user's tastes and rhythms."""
    products = len(catalogue.product_id)
    by_type = draw_type_tastes(household, options.users.taste_type, rng)
    own = options.users.taste_product * rng.standard_normal(products)
    spread = rng.lognormal(0.0, options.basket.rhythm_spread, products)
    return Shopper(
        taste=by_type[catalogue.type_index] + own,
        rhythm=catalogue.rhythm_days * spread,
        uses_regulars=bool(rng.random() < options.regulars.users_share),
        last_bought=np.full(products, -np.inf),
        regular_since=np.full(products, np.inf),
        snoozed_until=np.full(products, -np.inf),
    )


def live(
    shopper: Shopper,
    days: Floats,
    top_up: bool,
    catalogue: Catalogue,
    options: SimulationOptions,
    rng: np.random.Generator,
) -> Shopper:
    """Let a user order on the given days and leave regulars, snoozes and carts on the way."""
    horizon = np.append(days, float(options.days))
    if shopper.uses_regulars:
        _set_at_sign_up(shopper, days[0], catalogue, options, rng)
    for number, day in enumerate(days):
        previous = days[number - 1] if number else None
        _order(shopper, float(day), top_up, catalogue, options, rng)
        _leave_cart_before(shopper, previous, catalogue, options, rng)
        if shopper.uses_regulars:
            _tend_regulars(shopper, (horizon[number + 1] - day) / 2, options, rng)
    _leave_last_cart(shopper, horizon[-1], catalogue, options, rng)
    return shopper


def utility(shopper: Shopper, day: float, catalogue: Catalogue, options: BasketOptions) -> Floats:
    """Return the log odds of each product on a day, shape (products,), -inf if not launched.

    A product bought before gains `habit`, the more of it the longer the last purchase lies back:
    the need is 1 - exp(-(days since / rhythm)^2), a Weibull waiting time of shape 2.
    """
    value = catalogue.popularity_at(day) + shopper.taste
    bought = np.isfinite(shopper.last_bought)
    elapsed = np.where(bought, day - shopper.last_bought, np.inf) / shopper.rhythm
    need = -np.expm1(-(elapsed**2))
    value = value + bought * options.habit + np.log(np.maximum(need, 1e-3))
    regular = shopper.regular_since < day
    snoozed = shopper.snoozed_until > day
    return value + regular * options.regular + snoozed * options.snoozed


def _order(
    shopper: Shopper,
    day: float,
    top_up: bool,
    catalogue: Catalogue,
    options: SimulationOptions,
    rng: np.random.Generator,
) -> None:
    size = _draw_basket_size(top_up, options.basket, rng)
    chosen = _choose(utility(shopper, day, catalogue, options.basket), size, rng)
    shopper.orders.append(Visit(day, chosen))
    shopper.last_bought[chosen] = day


def _draw_basket_size(top_up: bool, options: BasketOptions, rng: np.random.Generator) -> int:
    # Users who top up do it twice as often as the average, others hardly ever leave a full box.
    if rng.random() < options.small_share * (1.6 if top_up else 0.4):
        return int(min(rng.geometric(1.0 / options.small_mean), options.largest))
    size = options.full_median * rng.lognormal(0.0, options.full_spread)
    return int(np.clip(round(size), 1, options.largest))


def _choose(log_odds: Floats, size: int, rng: np.random.Generator) -> Ints:
    """Draw products without replacement, odds exp(log_odds) (Gumbel top-k)."""
    noisy = log_odds + rng.gumbel(size=len(log_odds))
    size = min(size, int(np.isfinite(log_odds).sum()))
    return np.argsort(-noisy, kind="stable")[:size]


def _set_at_sign_up(
    shopper: Shopper,
    first_day: float,
    catalogue: Catalogue,
    options: SimulationOptions,
    rng: np.random.Generator,
) -> None:
    day = first_day - MINUTE * rng.uniform(5, 30)
    count = int(rng.poisson(options.regulars.at_sign_up))
    for product in _choose(catalogue.popularity_at(day) + shopper.taste, count, rng):
        shopper.regulars.append(Regular(int(product), day))
        shopper.regular_since[product] = day


def _tend_regulars(
    shopper: Shopper, latest: float, options: SimulationOptions, rng: np.random.Generator
) -> None:
    """Set some products of the last order as regular and snooze some that were set."""
    order = shopper.orders[-1]
    day = order.day + min(MINUTE * rng.uniform(2, 300), latest)
    wanted = rng.random(len(order.products)) < options.regulars.after_purchase
    for product in order.products[wanted]:
        if np.isinf(shopper.regular_since[product]):
            shopper.regulars.append(Regular(int(product), day))
            shopper.regular_since[product] = day
    _snooze(shopper, day, options, rng)


def _snooze(
    shopper: Shopper, day: float, options: SimulationOptions, rng: np.random.Generator
) -> None:
    awake = (shopper.regular_since <= day) & (shopper.snoozed_until < day)
    for product in np.flatnonzero(awake):
        if rng.random() < options.regulars.snooze:
            until = day + rng.exponential(options.regulars.snooze_days)
            since = float(shopper.regular_since[product])
            shopper.regulars.append(Regular(int(product), since, (day, until)))
            shopper.snoozed_until[product] = until


def _leave_cart_before(
    shopper: Shopper,
    previous: float | None,
    catalogue: Catalogue,
    options: SimulationOptions,
    rng: np.random.Generator,
) -> None:
    """Leave a cart before the last order: most of it is what was bought in the end."""
    wanted = options.carts
    if rng.random() >= wanted.before_order:
        return
    order = shopper.orders[-1]
    longest = np.inf if previous is None else 0.9 * (order.day - previous)
    day = order.day - min(wanted.lag_days * rng.lognormal(0.0, 1.2) + 10 * MINUTE, longest)
    planned = order.products[rng.random(len(order.products)) < wanted.planned_share]
    planned = planned[catalogue.launch[planned] < day]
    dropped = rng.binomial(len(planned) + 1, wanted.dropped_share)
    _add_cart(shopper, day, planned, dropped, catalogue, rng)


def _leave_last_cart(
    shopper: Shopper,
    end: float,
    catalogue: Catalogue,
    options: SimulationOptions,
    rng: np.random.Generator,
) -> None:
    """Leave a cart after the last order, never bought."""
    last = shopper.orders[-1].day
    if rng.random() < options.carts.without_order:
        day = rng.uniform(last, end)
        size = 1 + int(rng.poisson(4))
        _add_cart(shopper, day, np.empty(0, dtype=np.int64), size, catalogue, rng)


def _add_cart(
    shopper: Shopper,
    day: float,
    planned: Ints,
    others: int,
    catalogue: Catalogue,
    rng: np.random.Generator,
) -> None:
    odds = catalogue.popularity_at(day) + shopper.taste
    odds[shopper.orders[-1].products] = -np.inf
    products = np.concatenate([planned, _choose(odds, others, rng)])
    if len(products) and day > 0:
        shopper.carts.append(Visit(day, products))
