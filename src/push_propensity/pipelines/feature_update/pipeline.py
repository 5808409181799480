"""The `feature_update` pipeline."""

from kedro.pipeline import Node, Pipeline

from push_propensity.pipelines.feature_engineering.pipeline import OPTIONS, reading
from push_propensity.pipelines.feature_update.nodes import extend_feature_frame


def create_pipeline() -> Pipeline:
    """Return the pipeline that adds later orders to the file of `built_feature_frame`."""
    extend = Node(
        extend_feature_frame,
        ["raw_tables", "feature_frame_so_far", OPTIONS],
        "updated_feature_frame",
        name="extend_feature_frame",
    )
    return reading() + Pipeline([extend])
