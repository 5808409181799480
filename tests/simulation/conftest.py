import pytest

from push_propensity.simulation import RawTables, SimulationOptions, simulate_shop
from tests.simulation.small_shop import small_options


@pytest.fixture(scope="session")
def options() -> SimulationOptions:
    return small_options()


@pytest.fixture(scope="session")
def tables(options) -> RawTables:
    return simulate_shop(options)
