"""A whole shop, from its options to its raw tables."""

import logging

import numpy as np

from push_propensity.simulation.catalogue import build_catalogue
from push_propensity.simulation.options import SimulationOptions
from push_propensity.simulation.population import draw_population
from push_propensity.simulation.shopping import Shopper, live, new_shopper
from push_propensity.simulation.tables import RawTables, raw_tables

logger = logging.getLogger(__name__)


def simulate_shop(options: SimulationOptions) -> RawTables:
    """Simulate a shop; the same options always give the same tables.

    Users do not influence each other, and each has a random stream of their own.
    """
    seeds = np.random.SeedSequence(options.seed).spawn(4)
    catalogue = build_catalogue(options, np.random.default_rng(seeds[0]))
    population = draw_population(options, np.random.default_rng(seeds[1]))
    streams = seeds[2].spawn(len(population.user_id))
    shoppers: list[Shopper] = []
    every = max(1, len(streams) // 5)
    for user, stream in enumerate(streams):
        rng = np.random.default_rng(stream)
        shopper = new_shopper(population.household[user], catalogue, options, rng)
        days, top_up = population.order_days[user], bool(population.top_up[user])
        shoppers.append(live(shopper, days, top_up, catalogue, options, rng))
        if (user + 1) % every == 0:
            logger.info("Simulated %d of %d users", user + 1, len(streams))
    return raw_tables(shoppers, population, catalogue, options, np.random.default_rng(seeds[3]))
