"""The catalogue: products that are launched over time and whose popularity drifts."""

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from push_propensity.simulation.assortment import PRODUCT_TYPES
from push_propensity.simulation.options import CatalogueOptions, SimulationOptions

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FIRST_PRODUCT_ID = 33_615_290_000_000
PRODUCT_ID_STEP = 900_000_000
_ONSETS = ("b", "br", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "st", "t", "v", "w")
_RIMES = ("a", "an", "e", "el", "en", "i", "ia", "in", "o", "ola", "on", "ora", "u", "ura")


@dataclass(frozen=True)
class Catalogue:
    """Products in order of their launch.

    Attributes:
        product_id: Identifiers, shape (products,), increasing.
        type_index: Index into `PRODUCT_TYPES`, shape (products,).
        vendor: Names, shape (products,).
        price: In the shop's currency, 0 for what is given away.
        compare_at_price: The price elsewhere.
        launch: Days since the start of the simulation; what was there first has -1.
        log_popularity: Drifting log weight of a product in a week, shape (weeks, products).
    """

    product_id: Ints
    type_index: Ints
    vendor: NDArray[np.str_]
    price: Floats
    compare_at_price: Floats
    launch: Floats
    log_popularity: Floats

    def popularity_at(self, day: float) -> Floats:
        """Return log weights on a day, -inf for products not launched before it."""
        week = min(int(day // 7), len(self.log_popularity) - 1)
        return np.where(self.launch < day, self.log_popularity[max(week, 0)], -np.inf)

    @property
    def rhythm_days(self) -> Floats:
        """How long a purchase of each product lasts, in days, shape (products,)."""
        return np.array([kind.rhythm_days for kind in PRODUCT_TYPES])[self.type_index]


def build_catalogue(options: SimulationOptions, rng: np.random.Generator) -> Catalogue:
    """Draw the products that the shop launches between its first and its last day."""
    wanted = options.catalogue
    type_index = _draw_types(wanted, rng)
    price = _draw_prices(type_index, wanted.free_share, rng)
    return Catalogue(
        product_id=_draw_ids(wanted.products, rng),
        type_index=type_index,
        vendor=_draw_vendors(type_index, wanted.vendors, rng),
        price=price,
        compare_at_price=_draw_compare_at_prices(price, rng),
        launch=_draw_launches(options, rng),
        log_popularity=_draw_popularity(wanted, options.days // 7 + 1, rng),
    )


def inventory_table(catalogue: Catalogue) -> pd.DataFrame:
    """Return the catalogue as the raw table `inventory`: one row per product."""
    kinds = [PRODUCT_TYPES[index] for index in catalogue.type_index]
    return pd.DataFrame(
        {
            "variant_id": catalogue.product_id,
            "price": catalogue.price,
            "compare_at_price": catalogue.compare_at_price,
            "vendor": pd.array(catalogue.vendor.tolist(), dtype="str"),
            "product_type": pd.array([kind.name for kind in kinds], dtype="str"),
            "tags": [np.array(kind.name.split("-"), dtype=object) for kind in kinds],
        }
    )


def _draw_types(options: CatalogueOptions, rng: np.random.Generator) -> Ints:
    weights = np.array([kind.weight for kind in PRODUCT_TYPES[-options.product_types :]])
    first = len(PRODUCT_TYPES) - options.product_types
    every = np.arange(options.product_types)[: options.products]
    rest = rng.choice(
        options.product_types, options.products - len(every), p=weights / weights.sum()
    )
    return first + rng.permutation(np.concatenate([every, rest]))


def _draw_ids(count: int, rng: np.random.Generator) -> Ints:
    steps = rng.integers(1, 2 * PRODUCT_ID_STEP // 32_768, count) * 32_768
    return FIRST_PRODUCT_ID + np.cumsum(steps)


def _draw_vendors(type_index: Ints, count: int, rng: np.random.Generator) -> NDArray[np.str_]:
    """Give each vendor one product, and every other product a vendor that sells similar ones."""
    count = min(count, len(type_index))
    founding = rng.permutation(len(type_index))[:count]
    home, size = type_index[founding], rng.pareto(1.2, count) + 0.3
    chosen = np.array([_draw_vendor(kind, home, size, rng) for kind in type_index])
    chosen[founding] = np.arange(count)
    names: NDArray[np.str_] = np.array(_vendor_names(count, rng))[chosen]
    return names


def _draw_vendor(kind: int, home: Ints, size: Floats, rng: np.random.Generator) -> int:
    weight = size * np.where(np.abs(home - kind) <= 3, 1.0, 0.03)
    return int(rng.choice(len(size), p=weight / weight.sum()))


def _vendor_names(count: int, rng: np.random.Generator) -> list[str]:
    syllables = [onset + rime for onset in _ONSETS for rime in _RIMES]
    pairs = rng.choice(len(syllables) ** 2, count, replace=False)
    first, second = np.divmod(pairs, len(syllables))
    return [syllables[one] + syllables[two] for one, two in zip(first, second, strict=True)]


def _draw_prices(type_index: Ints, free_share: float, rng: np.random.Generator) -> Floats:
    median = np.array([kind.price for kind in PRODUCT_TYPES])[type_index]
    price = median * rng.lognormal(0.0, 0.5, len(median))
    price = np.clip(np.floor(price) + rng.choice([0.49, 0.79, 0.99], len(price)), 0.59, 36.89)
    paid = rng.random(len(price)) >= free_share
    return np.asarray(np.round(price * paid, 2))


def _draw_compare_at_prices(price: Floats, rng: np.random.Generator) -> Floats:
    discount = np.clip(rng.lognormal(-2.05, 0.85, len(price)) - 0.01, -0.04, 1.35)
    return np.round(price * (1.0 + discount), 2)


def _draw_launches(options: SimulationOptions, rng: np.random.Generator) -> Floats:
    wanted = options.catalogue
    first = _day(wanted.launch_start, options, 0.0)
    last = _day(wanted.all_launched_by, options, float(options.days))
    # Without any product there would be orders of nothing.
    initial = max(1, round(wanted.initial_share * wanted.products))
    later = np.sort(rng.uniform(first, last, wanted.products - initial))
    return np.concatenate([np.full(initial, -1.0), later])


def _day(when: date | None, options: SimulationOptions, default: float) -> float:
    return default if when is None else float((when - options.start).days)


def _draw_popularity(options: CatalogueOptions, weeks: int, rng: np.random.Generator) -> Floats:
    """Draw a stationary first-order autoregression around each product's own level."""
    normal = rng.standard_normal(options.products)
    # The skew lets a few products stand out without making the many rare ones rarer.
    level = options.popularity_spread * (normal + options.popularity_skew * (normal**2 - 1.0))
    shocks = options.popularity_drift * rng.standard_normal((weeks, options.products))
    memory = np.exp(-1.0 / options.drift_weeks)
    walk = shocks.copy()
    for week in range(1, weeks):
        walk[week] = memory * walk[week - 1] + np.sqrt(1.0 - memory**2) * shocks[week]
    return np.asarray(level + walk)
