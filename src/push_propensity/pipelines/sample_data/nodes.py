"""Nodes of the `sample_data` pipeline."""

from push_propensity import simulation
from push_propensity.simulation import RawTables, SimulationOptions


def simulate_shop(simulation_options: SimulationOptions) -> RawTables:
    """Return orders, users, inventory, regulars and abandoned carts of a simulated shop."""
    return simulation.simulate_shop(simulation_options)
