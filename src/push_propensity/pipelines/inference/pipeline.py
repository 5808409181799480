"""The inference pipeline."""

from kedro.pipeline import Node, Pipeline

from push_propensity.pipelines.inference.nodes import score_users, validate_users


def create_pipeline() -> Pipeline:
    """Validate the users, then score those who passed."""
    return Pipeline(
        [
            Node(
                validate_users,
                ["scoring_users", "model_bundle"],
                ["checked_users", "beyond_training"],
                name="validate_users",
            ),
            Node(score_users, ["checked_users", "model_bundle"], "scores", name="score_users"),
        ]
    )
