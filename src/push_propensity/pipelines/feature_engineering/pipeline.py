"""The `feature_engineering` pipeline."""

from kedro.pipeline import Node, Pipeline

from push_propensity.pipelines.feature_engineering.nodes import build_feature_frame


def create_pipeline() -> Pipeline:
    """Return the pipeline from the raw tables to `built_feature_frame`."""
    return Pipeline(
        [
            Node(
                build_feature_frame,
                [
                    "orders",
                    "inventory",
                    "users",
                    "regulars",
                    "abandoned_carts",
                    "prices",
                    "params:feature_options",
                ],
                "built_feature_frame",
                name="build_feature_frame",
            )
        ]
    )
