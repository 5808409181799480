"""The raw tables that the shop's database would hold."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from push_propensity.simulation.catalogue import Catalogue, inventory_table
from push_propensity.simulation.options import SimulationOptions
from push_propensity.simulation.population import HOUSEHOLD, Population
from push_propensity.simulation.shopping import Regular, Traces, Visit

Floats = NDArray[np.float64]

FIRST_ORDER_ID = 2_807_986_000_000
FIRST_CART_ID = 12_858_560_000_000
ID_STEP = 100_000_000
_SEGMENTS = ("Proposition", "Top Up")


class RawTables(NamedTuple):
    """The five raw tables, each in order of time."""

    orders: pd.DataFrame
    users: pd.DataFrame
    inventory: pd.DataFrame
    regulars: pd.DataFrame
    abandoned_carts: pd.DataFrame


def raw_tables(
    traces: Sequence[Traces],
    population: Population,
    catalogue: Catalogue,
    options: SimulationOptions,
    rng: np.random.Generator,
) -> RawTables:
    """Write down what all users did as the five raw tables."""
    orders = [(user, visit) for user, trace in enumerate(traces) for visit in trace.orders]
    carts = [(user, visit) for user, trace in enumerate(traces) for visit in trace.carts]
    regulars = [(user, row) for user, trace in enumerate(traces) for row in trace.regulars]
    start = pd.Timestamp(options.start)
    return RawTables(
        orders=_orders_table(orders, population, catalogue, options, rng),
        users=_users_table(population, start),
        inventory=inventory_table(catalogue),
        regulars=_regulars_table(regulars, population, catalogue, start),
        abandoned_carts=_carts_table(carts, population, catalogue, start, rng),
    )


def _timestamps(days: Iterable[float], start: pd.Timestamp) -> pd.Series:
    """Convert days since the start to timestamps of whole seconds; NaN becomes NaT."""
    seconds = pd.Series(np.fromiter(days, dtype=np.float64)) * 86_400.0
    moments = start + pd.to_timedelta(seconds.floordiv(1.0), unit="s")
    return moments.astype("datetime64[us]")


def _ids(first: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return first + np.cumsum(rng.integers(1, 2 * ID_STEP, count))


def _orders_table(
    orders: list[tuple[int, Visit]],
    population: Population,
    catalogue: Catalogue,
    options: SimulationOptions,
    rng: np.random.Generator,
) -> pd.DataFrame:
    pieces = [
        _with_quantities(catalogue.product_id[visit.products], options.basket.quantity, rng)
        for _, visit in orders
    ]
    users = np.array([user for user, _ in orders])
    table = pd.DataFrame({"user_id": population.user_id[users]})
    table["created_at"] = _timestamps((v.day for _, v in orders), pd.Timestamp(options.start))
    table["order_date"] = table["created_at"].dt.normalize()
    table["user_order_seq"] = table.groupby("user_id").cumcount() + 1
    table["ordered_items"] = pd.Series(pieces, dtype=object)
    table = table.sort_values("created_at", kind="stable", ignore_index=True)
    table.insert(0, "id", _ids(FIRST_ORDER_ID, len(table), rng))
    return table


def _with_quantities(
    products: NDArray[np.int64], mean: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    return np.repeat(products, rng.geometric(1.0 / mean, len(products)))


def _users_table(population: Population, start: pd.Timestamp) -> pd.DataFrame:
    first = _timestamps((days[0] for days in population.order_days), start)
    household = pd.DataFrame(population.household, columns=list(HOUSEHOLD), dtype="float64")
    people = household[["count_adults", "count_children", "count_babies"]].sum(axis=1)
    household.insert(0, "count_people", people)
    table = pd.DataFrame({"user_id": population.user_id})
    table["user_segment"] = np.array(_SEGMENTS)[population.top_up.astype(int)]
    table["user_nuts1"] = population.region
    table["first_ordered_at"] = first.dt.strftime("%Y-%m-%d %H:%M:%S")
    table["customer_cohort_month"] = first.dt.strftime("%Y-%m-01 00:00:00")
    return table.join(household[population.household_known])


def _regulars_table(
    regulars: list[tuple[int, Regular]],
    population: Population,
    catalogue: Catalogue,
    start: pd.Timestamp,
) -> pd.DataFrame:
    rows = [row for _, row in regulars]
    nothing = (np.nan, np.nan)
    users = np.array([user for user, _ in regulars], dtype=np.int64)
    products = np.array([row.product for row in rows], dtype=np.int64)
    table = pd.DataFrame({"user_id": population.user_id[users]})
    table["variant_id"] = catalogue.product_id[products]
    table["created_at"] = _timestamps((row.day for row in rows), start)
    table["snoozed_at"] = _timestamps(((r.snoozed or nothing)[0] for r in rows), start)
    table["snoozed_until"] = _timestamps(((r.snoozed or nothing)[1] for r in rows), start)
    return table.sort_values("created_at", kind="stable", ignore_index=True)


def _carts_table(
    carts: list[tuple[int, Visit]],
    population: Population,
    catalogue: Catalogue,
    start: pd.Timestamp,
    rng: np.random.Generator,
) -> pd.DataFrame:
    users = np.array([user for user, _ in carts], dtype=np.int64)
    table = pd.DataFrame({"user_id": population.user_id[users]})
    table["created_at"] = _timestamps((visit.day for _, visit in carts), start)
    products = [catalogue.product_id[visit.products] for _, visit in carts]
    table["variant_id"] = pd.Series(products, dtype=object)
    table = table.sort_values("created_at", kind="stable", ignore_index=True)
    table.insert(0, "id", _ids(FIRST_CART_ID, len(table), rng))
    return table
