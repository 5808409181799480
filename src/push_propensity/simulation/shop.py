"""A whole shop, from its options to its raw tables."""

import logging

import numpy as np

from push_propensity.simulation.catalogue import Catalogue, build_catalogue
from push_propensity.simulation.options import SimulationOptions
from push_propensity.simulation.population import Population, draw_population
from push_propensity.simulation.shopping import Traces, draw_shopper
from push_propensity.simulation.tables import RawTables, raw_tables

logger = logging.getLogger(__name__)


def simulate_shop(options: SimulationOptions) -> RawTables:
    """Simulate a shop; the same options always give the same tables.

    Users do not influence each other, and each has a random stream of their own.
    """
    seeds = np.random.SeedSequence(options.seed).spawn(4)
    catalogue = build_catalogue(options, np.random.default_rng(seeds[0]))
    population = draw_population(options, np.random.default_rng(seeds[1]))
    streams = seeds[2].spawn(options.users.users)
    traces = _let_users_live(population, catalogue, options, streams)
    return raw_tables(traces, population, catalogue, options, np.random.default_rng(seeds[3]))


def _let_users_live(
    population: Population,
    catalogue: Catalogue,
    options: SimulationOptions,
    streams: list[np.random.SeedSequence],
) -> list[Traces]:
    traces = []  # no shoppers: what they like and remember takes 40 times the memory
    report_every = max(1, len(streams) // 5)
    for user, stream in enumerate(streams):
        household, top_up = population.household[user], bool(population.top_up[user])
        rng = np.random.default_rng(stream)
        shopper = draw_shopper(household, top_up, catalogue, options, rng)
        traces.append(shopper.live(population.order_days[user]))
        if (user + 1) % report_every == 0:
            logger.info("Simulated %d of %d users", user + 1, len(streams))
    return traces
