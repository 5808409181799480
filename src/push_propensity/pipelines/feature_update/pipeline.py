"""The `feature_update` pipeline."""

from kedro.pipeline import Node, Pipeline

from push_propensity.features import extend_feature_frame
from push_propensity.pipelines.feature_engineering.pipeline import OPTIONS, reading


def create_pipeline() -> Pipeline:
    """Return the pipeline that adds later orders to `feature_frame`, under another name as read."""
    extend = Node(
        extend_feature_frame,
        ["raw_tables", "feature_frame_so_far", OPTIONS],
        "feature_frame@ibis",
        name="extend_feature_frame",
    )
    return reading() + Pipeline([extend])
