"""The users: when they come, who lives with them, what they like and how often they order."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from push_propensity.simulation.assortment import PRODUCT_TYPES
from push_propensity.simulation.options import SimulationOptions

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HOUSEHOLD = ("count_adults", "count_children", "count_babies", "count_pets")
FIRST_USER_ID = 3_046_041_000_000
USER_ID_STEP = 200_000_000
# Log odds of a product meant for babies, children or pets, with and without them.
NEEDED, NOT_NEEDED = 1.0, -3.0
# Visits by hour of the day: nobody at night, most from late morning to the evening.
HOUR_WEIGHTS = np.array(
    [14, 5, 2, 2, 2, 3, 8, 20, 32, 52, 59, 64, 58, 65, 55, 53, 50, 54, 52, 53, 54, 52, 42, 23.0]
)
_REGIONS = ("UKC", "UKD", "UKE", "UKF", "UKG", "UKH", "UKI", "UKJ", "UKK", "UKL", "UKM", "UKN")
_REGION_WEIGHTS = np.array([2, 7, 6, 5, 6, 8, 27, 15, 12, 5, 6, 1.0])


@dataclass(frozen=True)
class Population:
    """Users in order of their first order; arrays have shape (users,) unless said.

    Attributes:
        user_id: Identifiers, increasing.
        household: Adults, children, babies and pets that live there, shape (users, 4).
        household_known: Whether the user told the shop.
        top_up: Whether the user mostly tops up a few products.
        region: Statistical region.
        order_days: For each user, the days (since the start, with the time of day) of the orders.
    """

    user_id: Ints
    household: Ints
    household_known: NDArray[np.bool_]
    top_up: NDArray[np.bool_]
    region: NDArray[np.str_]
    order_days: tuple[Floats, ...]


def draw_population(options: SimulationOptions, rng: np.random.Generator) -> Population:
    """Draw the users and the days of their orders."""
    count = options.users.users
    days = _draw_order_days(options, rng)
    return Population(
        user_id=FIRST_USER_ID + np.cumsum(rng.integers(1, 2 * USER_ID_STEP, count)),
        household=_draw_households(count, rng),
        household_known=rng.random(count) < options.users.household_known,
        top_up=rng.random(count) < 0.5,
        region=rng.choice(_REGIONS, count, p=_REGION_WEIGHTS / _REGION_WEIGHTS.sum()),
        order_days=days,
    )


def draw_type_tastes(household: Ints, spread: float, rng: np.random.Generator) -> Floats:
    """Return one user's log odds for each product type, shape (product types,)."""
    _, children, babies, pets = household > 0
    present = {"everyone": None, "babies": babies, "children": children, "pets": pets}
    needs = [present[kind.audience] for kind in PRODUCT_TYPES]
    base = [0.0 if need is None else NEEDED if need else NOT_NEEDED for need in needs]
    return np.array(base) + spread * rng.standard_normal(len(PRODUCT_TYPES))


def day_weights(options: SimulationOptions) -> Floats:
    """Return how busy each day of the simulation is, relative to others, shape (days,)."""
    days = pd.date_range(options.start, periods=options.days)
    weights = np.array([options.season.get(month, 1.0) for month in days.strftime("%Y-%m")])
    quiet = days.isin(pd.to_datetime(list(options.quiet_days)))
    return np.where(quiet, 0.05, weights)


def _draw_households(count: int, rng: np.random.Generator) -> Ints:
    adults = rng.choice([1, 2, 3, 4, 5], count, p=[0.22, 0.62, 0.1, 0.04, 0.02])
    children = rng.choice([0, 1, 2, 3], count, p=[0.67, 0.14, 0.15, 0.04])
    babies = rng.choice([0, 1], count, p=[0.96, 0.04])
    pets = rng.choice([0, 1, 2, 3, 6], count, p=[0.6, 0.27, 0.1, 0.025, 0.005])
    return np.stack([adults, children, babies, pets], axis=1)


def _draw_order_days(options: SimulationOptions, rng: np.random.Generator) -> tuple[Floats, ...]:
    weights = day_weights(options)
    clock = np.concatenate([[0.0], np.cumsum(weights)])
    first_days = _draw_first_days(options, weights, rng)
    return tuple(_draw_visits(int(day), clock, options, rng) for day in first_days)


def _draw_first_days(options: SimulationOptions, weights: Floats, rng: np.random.Generator) -> Ints:
    growth = options.users.monthly_growth ** (np.arange(options.days) / 30.0)
    share = growth * weights
    return np.sort(rng.choice(options.days, options.users.users, p=share / share.sum()))


def _draw_visits(
    first_day: int, clock: Floats, options: SimulationOptions, rng: np.random.Generator
) -> Floats:
    """Draw the days on which one user orders; gaps pass on the clock of busy and quiet days."""
    wanted = options.users
    returning = rng.beta(wanted.return_alpha, wanted.return_beta)
    typical = wanted.gap_days * rng.lognormal(0.0, wanted.gap_spread_users)
    days = [first_day]
    while rng.random() < returning:
        gap = typical * rng.lognormal(0.0, wanted.gap_spread_orders)
        day = int(np.searchsorted(clock, clock[days[-1]] + gap, side="right")) - 1
        day = max(day, days[-1] + 1)
        if day >= options.days:
            break
        days.append(day)
    return np.array(days) + _draw_times_of_day(len(days), rng)


def _draw_times_of_day(count: int, rng: np.random.Generator) -> Floats:
    hours = rng.choice(24, count, p=HOUR_WEIGHTS / HOUR_WEIGHTS.sum())
    return (hours + rng.random(count)) / 24.0
