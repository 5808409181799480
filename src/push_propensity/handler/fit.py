"""Training for the handler: data processing and training, run in memory.

Nothing of the project's data folder is written; only the bundle is published.
"""

import functools
import os
import threading
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from push_propensity.errors import DataError, ParameterError, shorten_name
from push_propensity.handler.answers import (
    Answer,
    Refusal,
    answer,
    answer_always,
    check_event,
    check_time_left,
)
from push_propensity.handler.observation import Call
from push_propensity.handler.places import (
    environment,
    find_project,
    models_root,
    readable_configuration,
)
from push_propensity.handler.quiet_kedro import Pipeline, quiet, run_in_memory
from push_propensity.scoring.bundle import (
    Bundle,
    Fingerprint,
    PublishedBundle,
    bundle_path,
    check_name,
    claim_fit,
    find_published,
    publish,
    read_bundle,
)

_OPTIONS = "params:training_options"
_PARTS = ("train", "validation", "calibration", "test")
_MOST_FIELDS = 10
_LOCK = threading.Lock()  # resolving a configuration is not safe in threads


def _renew_lock() -> None:
    """A forked process has none of the threads that may have held it."""
    global _LOCK
    _LOCK = threading.Lock()


os.register_at_fork(after_in_child=_renew_lock)


class Parametrisation(BaseModel):
    """Which candidate to train, with which parameters; what is left out has its default."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    candidate: str | None = None
    parameters: dict[str, Any] | None = None


class FitRequest(BaseModel):
    """What an event asks for; other keys of the event are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    model_parametrisation: Parametrisation | None = None
    model_name: str | None = None
    force: bool | None = False


def fit(event: object, context: object) -> Answer:
    """Train a candidate and publish it, unless the same was published before.

    Args:
        event: `model_parametrisation`, `{"candidate": name, "parameters": {...}}`, by default the
            winner of the last selection; `model_name`, by default `push_yyyy_mm_dd`; `force`,
            whether to train even if the same was published before.
        context: What AWS Lambda gives, or anything else.

    Returns:
        `statusCode` and `body`, JSON text with `model_name`, `model_path` (relative to the models
        root), `candidate`, `parameters`, `training_window` and `metrics`; or with `error`. It
        never raises.
    """
    return answer_always("handler_fit", _answer_fit, event, context)


def _answer_fit(event: object, context: object, call: Call) -> Answer:
    request = _read_request(check_event(event))
    check_time_left(context)
    with _LOCK, quiet():
        check_time_left(context)  # the wait may have taken it
        published = _fit(request, call)
    call.model = published.name
    bundle = read_bundle(bundle_path(models_root(), published.path))
    return answer("200", _describe(published, bundle))


def _read_request(event: dict[str, Any]) -> FitRequest:
    try:
        request = FitRequest.model_validate(event)
    except ValidationError as error:
        raise ParameterError(
            f"These are not as expected: {_wrong_fields(error)}. Expected model_parametrisation as "
            '{"candidate": name, "parameters": {name: value}}, model_name as text and force as '
            "true or false."
        ) from None
    if request.model_name is not None:
        check_name(request.model_name)
    return request


def _wrong_fields(error: ValidationError) -> str:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    fields = {shorten_name(".".join(map(str, problem["loc"]))) for problem in problems}
    return ", ".join(sorted(fields)[:_MOST_FIELDS])


def _describe(published: PublishedBundle, bundle: Bundle) -> dict[str, Any]:
    manifest = bundle.manifest
    return {
        "model_name": published.name,
        "model_path": published.path,
        "candidate": manifest.candidate,
        "parameters": manifest.parameters,
        "training_window": manifest.training_window,
        "metrics": manifest.metrics,
    }


def _fit(request: FitRequest, call: Call) -> PublishedBundle:
    with call.stage("configure"):
        catalog = _open_catalog()
        processing, training = _make_pipelines()
        inputs = _training_inputs(catalog, request)
        _run(training.to_outputs("specification"), inputs, catalog)
    with call.stage("split"):
        inputs |= _split_orders(processing, catalog)
        fingerprint = _run(training.to_outputs("fingerprint"), inputs, catalog)["fingerprint"]
    with claim_fit(models_root(), fingerprint) as claimed:
        if not claimed:
            message = "The same fit is running; try again when it has ended."
            raise Refusal("409", "FIT_RUNNING", message, retryable=True)
        keep: int | None = catalog["model_bundle"].keep
        if not request.force and (known := _find(fingerprint, request.model_name, keep)):
            call.trained = False
            return known
        with call.stage("train"):
            bundle = _run(training, inputs, catalog)["model_bundle"]
        call.trained = True
        with call.stage("publish"):
            return publish(bundle, models_root(), request.model_name, keep)


def _find(fingerprint: Fingerprint, name: str | None, keep: int | None) -> PublishedBundle | None:
    """The bundle made of the same things, published again if another name is asked for."""
    root = models_root()
    if known := find_published(root, fingerprint, name):
        return known
    if name is None or (other := find_published(root, fingerprint)) is None:
        return None
    return publish(read_bundle(bundle_path(root, other.path)), root, name, keep)


def _open_catalog() -> Any:
    """The catalog of the project's environment, with checked parameters."""
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    project = find_project()
    if project is None or not (project / "pyproject.toml").is_file():
        raise DataError(
            "There is no project here to take data and parameters from. Set "
            "PUSH_PROPENSITY_PROJECT to its folder."
        )
    bootstrap_project(project)
    name = environment()
    session: Any = KedroSession.create(project, env=None if name == "base" else name)
    with readable_configuration(project), session:
        return session.load_context().catalog


@functools.cache
def _make_pipelines() -> tuple[Pipeline, Pipeline]:
    from push_propensity.pipelines import data_processing, training

    return data_processing.create_pipeline(), training.create_pipeline()


def _training_inputs(catalog: Any, request: FitRequest) -> dict[str, Any]:
    """The winner of the last selection, if any, and the options that the event asks for."""
    asked = request.model_parametrisation or Parametrisation()
    options = catalog[_OPTIONS].load()
    wished = {"candidate": asked.candidate, "parameters": asked.parameters or {}}
    changed = options.model_copy(update=wished)
    return {_OPTIONS: changed, "winner": catalog["winner"].load()}


def _split_orders(pipeline: Pipeline, catalog: Any) -> dict[str, Any]:
    """The parts of the feature frame, which the validator of its catalog entry has checked."""
    from kedro.io import DatasetError

    from push_propensity.ingestion.read_errors import explain_read_error

    try:
        frame = catalog.load("feature_frame@pandas")  # the entry alone would not be validated
    except DatasetError as error:
        raise explain_read_error(error, "the feature frame") or error from None
    parts = _run(pipeline.to_outputs(*_PARTS), {"feature_frame@pandas": frame}, catalog)
    return {name: parts[name] for name in _PARTS}


def _run(pipeline: Pipeline, inputs: Mapping[str, Any], catalog: Any) -> dict[str, Any]:
    """Run a pipeline in memory; parameters that are not given come from the catalog."""
    given = {
        name: inputs[name] if name in inputs else catalog[name].load() for name in pipeline.inputs()
    }
    return run_in_memory(pipeline, given)
