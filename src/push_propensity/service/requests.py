"""Reading what comes by HTTP: no more than is allowed, and the users as they stand there.

The users are not parsed here: the handler reads their text itself, strictly.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import orjson
from anyio import fail_after
from starlette.requests import Request

from push_propensity.handler.answers import Refusal
from push_propensity.handler.places import scoring_limits

ROOM = 2**20  # for what is beside the users, in bytes


@dataclass(frozen=True)
class Deadline:
    """A context as AWS Lambda gives: how long there is still time to answer."""

    seconds: float
    started: float = field(default_factory=time.monotonic)

    def get_remaining_time_in_millis(self) -> float:
        """Milliseconds until the deadline."""
        return 1000 * (self.started + self.seconds - time.monotonic())


async def read_body(request: Request, seconds: float) -> bytes:
    """Return the body of a request.

    Raises:
        Refusal: It is larger than what is accepted (413), of which no more is read; or it did not
            come in time (408).
    """
    try:
        with fail_after(seconds):
            return await _read(request, scoring_limits().byte_limit + ROOM)
    except TimeoutError:
        raise Refusal("408", "BODY_LATE", f"The body did not come in {seconds:g} s.") from None


async def _read(request: Request, most: int) -> bytes:
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > most:
            raise Refusal("413", "TOO_LARGE", f"A body may have at most {most} bytes.")
    return bytes(content)


def read_prediction(body: bytes) -> dict[str, Any]:
    """Return the event for `handler_predict`, with the users as their JSON text.

    Raises:
        Refusal: The body is not a JSON object (400).
    """
    try:
        event: Mapping[str, msgspec.Raw] = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        others = {
            name: orjson.loads(bytes(value)) for name, value in event.items() if name != "users"
        }
        return others | {"users": _read_users(bytes(event.get("users", b"null")))}
    except (msgspec.MsgspecError, orjson.JSONDecodeError, UnicodeDecodeError, RecursionError):
        raise _no_object() from None


def read_fit(body: bytes) -> dict[str, Any]:
    """Return the event for `handler_fit`.

    Raises:
        Refusal: The body is not a JSON object (400).
    """
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _no_object() from None
    if not isinstance(event, dict):
        raise _no_object()
    return event


def _read_users(text: bytes) -> bytes | object:
    """The users' own text; a JSON string holds it, anything but an object is as it is."""
    return text if text.lstrip().startswith(b"{") else orjson.loads(text)


def _no_object() -> Refusal:
    return Refusal("400", "INVALID_JSON", "The body must be one JSON object (RFC 8259) in UTF-8.")
