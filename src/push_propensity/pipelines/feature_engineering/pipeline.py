"""The `feature_engineering` pipeline."""

from kedro.pipeline import Node, Pipeline

from push_propensity.pipelines.feature_engineering.nodes import build_feature_frame


def create_pipeline() -> Pipeline:
    """Return the pipeline from the five raw tables to `built_feature_frame`."""
    return Pipeline(
        [
            Node(
                build_feature_frame,
                [
                    "orders",
                    "users",
                    "inventory",
                    "regulars",
                    "abandoned_carts",
                    "params:feature_options",
                ],
                "built_feature_frame",
                name="build_feature_frame",
            )
        ]
    )
