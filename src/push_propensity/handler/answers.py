"""The answers of the handler: a status and a JSON body, also for whatever goes wrong."""

from collections.abc import Callable, Mapping
from typing import Any, TypedDict

import orjson

from push_propensity.errors import (
    BundleError,
    BundleNotFoundError,
    DataError,
    ParameterError,
    PushPropensityError,
    UsersError,
)
from push_propensity.handler.observation import Call, locate, observe

_LEAST_MILLISECONDS = 50
_STATUSES: tuple[tuple[type[PushPropensityError], str], ...] = (
    (UsersError, "400"),
    (DataError, "422"),
    (ParameterError, "400"),
    (BundleNotFoundError, "404"),
    (BundleError, "503"),
)
UNEXPECTED = "Something unexpected went wrong; see the log."
_TOO_LARGE = {"TOO_LARGE", "TOO_MANY_USERS"}


class Answer(TypedDict):
    """What a handler returns: the HTTP status as text and the body as JSON text."""

    statusCode: str
    body: str


class Refusal(Exception):  # noqa: N818  # an answer, not a failure
    """Ends a call with an error answer; `details` are further keys of its body."""

    def __init__(
        self,
        status: str,
        code: str,
        message: str,
        *,
        retryable: bool = False,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        error = {"code": code, "message": message, "retryable": retryable}
        self.answer = answer(status, {"error": error, **(details or {})})


def answer(status: str, body: Mapping[str, Any]) -> Answer:
    """Return an answer with the body as strict JSON, in the order of its keys."""
    return {"statusCode": status, "body": orjson.dumps(body).decode()}


def refuse_error(error: PushPropensityError) -> Answer:
    """Return the answer to one of the project's own errors."""
    status = next((status for kind, status in _STATUSES if isinstance(error, kind)), "500")
    return Refusal("413" if error.code in _TOO_LARGE else status, error.code, str(error)).answer


def answer_always(
    handler: str, work: Callable[[object, object, Call], Answer], event: object, context: object
) -> Answer:
    """Answer a call whatever goes wrong, and make it known to who observes calls.

    Args:
        handler: The name of the handler.
        work: What gives the answer, and fills in what is to be known of the call.
        event: What the caller asks for.
        context: What the host gives.
    """
    call = Call(handler)
    with call.stage("total"):
        given = _answer(call, work, event, context)
    call.status = given["statusCode"]
    observe(call)
    return given


def _answer(
    call: Call, work: Callable[[object, object, Call], Answer], event: object, context: object
) -> Answer:
    try:
        return work(event, context, call)
    except Refusal as refusal:
        call.error = refusal.code
        return refusal.answer
    except PushPropensityError as error:
        given = refuse_error(error)
        call.error = error.code
        call.reason = str(error) if given["statusCode"] >= "500" else None
        return given
    except ModuleNotFoundError as error:
        call.error, call.reason = "NOT_INSTALLED", f"{error.name} is not installed."
        message = f"{call.reason} Install the extra `pipelines`."
        return Refusal("500", call.error, message).answer
    except Exception as error:  # nothing may get out
        call.error, call.failure = "INTERNAL", locate(error)
        return Refusal("500", "INTERNAL", UNEXPECTED).answer


def check_event(event: object) -> dict[str, Any]:
    """Return the event if it is an object.

    Raises:
        Refusal: It is not (400).
    """
    if isinstance(event, dict):
        return event
    raise Refusal("400", "INVALID_EVENT", "The event must be a JSON object.")


def check_time_left(context: object) -> None:
    """Stop while there is still time to answer.

    Raises:
        Refusal: The context leaves less than 50 ms (503, worth another try).
    """
    if _milliseconds_left(context) < _LEAST_MILLISECONDS:
        raise Refusal("503", "NO_TIME_LEFT", "There is no time left; try again.", retryable=True)


def _milliseconds_left(context: object) -> float:
    try:
        return float(context.get_remaining_time_in_millis())  # type: ignore[attr-defined]
    except Exception:  # a host's own context may be anything
        return float("inf")
