"""Nodes of the inference pipeline."""

from typing import Any

from push_propensity.scoring.bundle import Bundle
from push_propensity.scoring.scores import CheckedUsers, check_users, parse_users, report_scores


def validate_users(
    scoring_users: str | bytes | dict[str, Any], model_bundle: Bundle
) -> tuple[CheckedUsers, dict[str, int]]:
    """Sort out whom the model cannot score; count the others' values beyond its ranges."""
    schema = model_bundle.model.schema
    users = check_users(parse_users(scoring_users), schema)
    return users, schema.count_beyond_training(users.columns)


def score_users(checked_users: CheckedUsers, model_bundle: Bundle) -> dict[str, Any]:
    """Return the calibrated probabilities by user id, and who was rejected and why."""
    scores = model_bundle.model.score(checked_users.columns)
    return report_scores(checked_users, scores, model_bundle.manifest.name)
