"""The `sample_data` pipeline."""

from kedro.pipeline import Node, Pipeline

from push_propensity.simulation import RawTables, simulate_shop


def create_pipeline() -> Pipeline:
    """Return the pipeline from `params:simulation` to the five simulated raw tables."""
    tables = [f"simulated_{table}" for table in RawTables._fields]
    return Pipeline([Node(simulate_shop, "params:simulation", tables, name="simulate_shop")])
