"""What one call of a handler did: counts and times, never an id or a value of a user's.

Every call is logged as one line of JSON by the logger `push_propensity.handler`, at level INFO, or
WARNING where the answer is a server's error. Whoever wants to know more adds an observer.
"""

import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import orjson

from push_propensity.scoring.bundle import Bundle

logger = logging.getLogger("push_propensity.handler")


@dataclass(frozen=True)
class Scoring:
    """Users with the bundle that was asked about them, and what the inference pipeline gave.

    `beyond_training` is how many scored users have a number beyond what the model learnt from, by
    feature; empty if the bundle does not say what that is.
    """

    users: Mapping[str, Any]
    bundle: Bundle
    scores: Mapping[str, Any]
    beyond_training: Mapping[str, int]

    @property
    def prediction(self) -> Mapping[str, float]:
        """The probabilities by user id."""
        prediction: Mapping[str, float] = self.scores["prediction"]
        return prediction

    @property
    def rejected(self) -> Mapping[str, Mapping[str, str | None]]:
        """The code and the feature by the id of each user who could not be scored."""
        rejected: Mapping[str, Mapping[str, str | None]] = self.scores.get("rejected", {})
        return rejected


@dataclass
class Call:
    """One call of a handler, filled in while it runs.

    `reason` says why an answer is a server's error; `failure` where the unexpected happened.
    `seconds` has the time of each stage that was entered, and that of the whole call as `total`.
    """

    handler: str
    status: str = ""
    error: str | None = None
    reason: str | None = None
    model: str | None = None
    trained: bool | None = None
    scoring: Scoring | None = None
    failure: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Take the time of a stage, also of one that fails."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = time.perf_counter() - started


Observer = Callable[[Call], None]
_OBSERVERS: list[Observer] = []


def add_observer(observer: Observer) -> None:
    """Have every later call shown to the observer, in the thread that answers; once is enough."""
    if observer not in _OBSERVERS:
        _OBSERVERS.append(observer)


def remove_observer(observer: Observer) -> None:
    """Show no more calls to the observer."""
    if observer in _OBSERVERS:
        _OBSERVERS.remove(observer)


def observe(call: Call) -> None:
    """Log the call and show it to the observers; one that fails is logged and harms nothing."""
    level = logging.WARNING if call.status.startswith("5") else logging.INFO
    if logger.isEnabledFor(level):
        logger.log(level, "%s", orjson.dumps(_describe(call)).decode())
    for observer in tuple(_OBSERVERS):
        try:
            observer(call)
        except Exception as error:  # an answer never fails for want of a count
            logger.error("An observer of calls failed: %s", locate(error))


def locate(error: Exception) -> str:
    """Name the error's class and the line that raised it, without its message or a path."""
    *_, frame = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} at {PurePath(frame.filename).name}:{frame.lineno}"


def _describe(call: Call) -> dict[str, Any]:
    """What is known of the call, in the order of reading."""
    known = {
        "handler": call.handler,
        "status": call.status,
        "error": call.error,
        "reason": call.reason,
        "failure": call.failure,
        "model": call.model,
        "trained": call.trained,
        **_count_users(call.scoring),
    }
    line = {name: value for name, value in known.items() if value is not None}
    times = {name: round(1000 * seconds, 3) for name, seconds in call.seconds.items()}
    return line | {"milliseconds": times}


def _count_users(scoring: Scoring | None) -> dict[str, Any]:
    if scoring is None:
        return {}
    codes = Counter(str(fault["code"]) for fault in scoring.rejected.values())
    beyond = scoring.beyond_training
    return {
        "users": len(scoring.users),
        "scored": len(scoring.prediction),
        "rejected": dict(sorted(codes.items())),
        "beyond_training": sum(beyond.values()) if beyond else None,
    }
