"""The `sample_data` pipeline."""

from kedro.pipeline import Node, Pipeline

from push_propensity.pipelines.sample_data.nodes import simulate_shop


def create_pipeline() -> Pipeline:
    """Return the pipeline from `params:simulation` to the five simulated raw tables."""
    return Pipeline(
        [
            Node(
                simulate_shop,
                "params:simulation",
                [
                    "simulated_orders",
                    "simulated_users",
                    "simulated_inventory",
                    "simulated_regulars",
                    "simulated_abandoned_carts",
                ],
                name="simulate_shop",
            )
        ]
    )
