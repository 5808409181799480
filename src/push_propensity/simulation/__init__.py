"""A simulated grocery shop: users with tastes, households and rhythms, and their traces.

It ends at the raw tables, as a real shop's export does; nothing here knows a feature or a model.
"""

from push_propensity.simulation.options import SimulationOptions
from push_propensity.simulation.shop import simulate_shop
from push_propensity.simulation.tables import RawTables

__all__ = ["RawTables", "SimulationOptions", "simulate_shop"]
