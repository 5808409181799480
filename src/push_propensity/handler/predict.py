"""Scores of users: the inference pipeline, run in memory with a published model."""

import functools
from typing import Any

from push_propensity.bundle import Bundle, ModelStore, bundle_path, newest_name
from push_propensity.errors import ParameterError
from push_propensity.handler.answers import (
    Answer,
    Refusal,
    answer,
    check_event,
    check_time_left,
    never_raise,
)
from push_propensity.handler.places import models_root
from push_propensity.handler.quiet_kedro import Pipeline, run_in_memory
from push_propensity.pipelines import inference
from push_propensity.scoring import ScoringLimits, parse_users

_LIMITS = ScoringLimits(byte_limit=6 * 2**20, user_limit=20_000)
_STORE = ModelStore()


@never_raise
def handler_predict(event: object, context: object) -> Answer:
    """Score users with a published model.

    Args:
        event: `users` as JSON text or object, `{user id: {feature: value}}`; `model_path` as
            fitting returned it, by default the newest model; `strict`, whether one rejected
            user fails the call.
        context: What AWS Lambda gives, or anything else.

    Returns:
        `statusCode` and `body`, JSON text with `prediction`, `model_name` and, if there are
        any, `rejected`; or with `error`. It never raises.
    """
    request = check_event(event)
    check_time_left(context)
    strict = _read_strict(request.get("strict"))
    users = _read_users(request.get("users"))
    scores = _score(users, _load_bundle(request.get("model_path")))
    _check_rejected(scores, strict)
    return answer("200", scores)


def _read_strict(strict: object) -> bool:
    if strict is None or isinstance(strict, bool):
        return bool(strict)
    raise ParameterError("'strict' must be true or false.")


def _read_users(users: object) -> dict[str, Any]:
    if users is None:
        raise Refusal("400", "INVALID_USERS", "'users' is missing: {user id: {feature: value}}.")
    return parse_users(users, _LIMITS)


def _load_bundle(model_path: object) -> Bundle:
    root = models_root()
    name = newest_name(root) if model_path is None else model_path
    return _STORE.get(bundle_path(root, name))


@functools.cache
def _pipeline() -> Pipeline:
    return inference.create_pipeline()


def _score(users: dict[str, Any], bundle: Bundle) -> dict[str, Any]:
    given = {"scoring_users": users, "model_bundle": bundle}
    scores: dict[str, Any] = run_in_memory(_pipeline(), given)["scores"]
    return scores


def _check_rejected(scores: dict[str, Any], strict: bool) -> None:
    rejected = scores.get("rejected")
    if rejected and (strict or not scores["prediction"]):
        raise Refusal(
            "422",
            "USERS_REJECTED" if strict else "NOTHING_TO_SCORE",
            "Users cannot be scored; see 'rejected' for each one's reason.",
            details={"rejected": rejected},
        )
