"""The `sample_frame` pipeline."""

from kedro.pipeline import Node, Pipeline

from push_propensity.pipelines.sample_frame.nodes import round_features


def create_pipeline() -> Pipeline:
    """Return the pipeline from `feature_frame` to the shipped CSV file."""
    return Pipeline(
        [Node(round_features, "feature_frame@ibis", "sample_feature_frame", name="round_features")]
    )
