"""Scores of users: the inference pipeline, run in memory with a published model."""

import functools
from pathlib import Path
from typing import Any

from push_propensity.errors import BundleError, ParameterError
from push_propensity.handler.answers import (
    Answer,
    Refusal,
    answer,
    answer_always,
    check_event,
    check_time_left,
)
from push_propensity.handler.observation import Call, Scoring
from push_propensity.handler.places import models_root, scoring_limits
from push_propensity.handler.quiet_kedro import Pipeline, run_in_memory
from push_propensity.pipelines import inference
from push_propensity.scoring.bundle import Bundle, ModelStore, bundle_path, newest_name
from push_propensity.scoring.scores import parse_users

_STORE = ModelStore()


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
    return answer_always("handler_predict", _predict, event, context)


def _predict(event: object, context: object, call: Call) -> Answer:
    request = check_event(event)
    check_time_left(context)
    strict = _read_strict(request.get("strict"))
    with call.stage("read"):
        users = _read_users(request.get("users"))
    with call.stage("load"):
        bundle = _load_bundle(request.get("model_path"))
    call.model = bundle.manifest.name
    with call.stage("score"):
        call.scoring = Scoring(users, bundle, **_score(users, bundle))
    _check_rejected(call.scoring, strict)
    with call.stage("write"):
        return answer("200", call.scoring.scores)


def _read_strict(strict: object) -> bool:
    if strict is None or isinstance(strict, bool):
        return bool(strict)
    raise ParameterError("'strict' must be true or false.")


def _read_users(users: object) -> dict[str, Any]:
    if users is None:
        raise Refusal("400", "INVALID_USERS", "'users' is missing: {user id: {feature: value}}.")
    return parse_users(users, scoring_limits())


def _load_bundle(model_path: object) -> Bundle:
    root = models_root()
    return load_newest(root) if model_path is None else _STORE.get(bundle_path(root, model_path))


def load_newest(root: Path) -> Bundle:
    """Return the bundle that is served by default, loaded and checked.

    Raises:
        BundleError: There is none or it failed a check; an older one is never returned instead.
    """
    name = newest_name(root)
    try:
        return _STORE.get(bundle_path(root, name))
    except BundleError:
        if newest_name(root) == name:
            raise
    return load_newest(root)  # another one was published and this one deleted meanwhile


@functools.cache
def _pipeline() -> Pipeline:
    return inference.create_pipeline()


def _score(users: dict[str, Any], bundle: Bundle) -> dict[str, Any]:
    given = {"scoring_users": users, "model_bundle": bundle}
    return run_in_memory(_pipeline(), given)


def _check_rejected(scoring: Scoring, strict: bool) -> None:
    if scoring.rejected and (strict or not scoring.prediction):
        raise Refusal(
            "422",
            "USERS_REJECTED" if strict else "NOTHING_TO_SCORE",
            "Users cannot be scored; see 'rejected' for each one's reason.",
            details={"rejected": scoring.rejected},
        )
