"""The `current_frame` pipeline."""

from kedro.pipeline import Node, Pipeline

from push_propensity.features import build_current_frame
from push_propensity.pipelines.feature_engineering.pipeline import OPTIONS, reading


def create_pipeline() -> Pipeline:
    """Return the pipeline from the raw tables to the current frame."""
    build = Node(
        build_current_frame,
        ["raw_tables", OPTIONS, "params:current"],
        "current_frame@ibis",
        name="build_current_frame",
    )
    return reading() + Pipeline([build])
