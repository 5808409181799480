"""Prometheus metrics of the calls, for hosts that ask for them; needs the extra `metrics`.

No label holds an id or a value of a user's. With `PROMETHEUS_MULTIPROC_DIR` set, the figures of a
host's worker processes are added up; see the documentation of prometheus-client.
"""

import functools
import os
from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from typing import Any

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from push_propensity.handler.observation import Call, Scoring, add_observer
from push_propensity.scoring.bundle import ModelFeature

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 60, 600)
PROBABILITIES = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)


class CallMetrics:
    """An observer that counts calls, users and scores.

    Args:
        registry: Where the metrics are registered.
    """

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"push_propensity_{name}", text, labels, registry=registry)

        self._calls = counter("calls", "Calls of a handler.", "handler", "status")
        self._users = counter("users", "Users that predictions were asked for.", "outcome")
        self._rejections = counter("rejections", "Users who could not be scored.", "code")
        self._missing = counter("missing_values", "Users without a feature's value.", "feature")
        self._unknown = counter(
            "unknown_categories", "Scored users of a category not in training.", "feature"
        )
        self._beyond = counter(
            "beyond_training", "Scored users of a number beyond training.", "feature"
        )
        self._seconds = Histogram(
            "push_propensity_call_seconds",
            "Time of a call, whole and by stage.",
            ["handler", "stage"],
            buckets=SECONDS,
            registry=registry,
        )
        self._scores = Histogram(
            "push_propensity_score",
            "Predicted probability of a purchase.",
            buckets=PROBABILITIES,
            registry=registry,
        )

    def __call__(self, call: Call) -> None:
        """Count one call."""
        self._calls.labels(call.handler, call.status).inc()
        for stage, seconds in call.seconds.items():
            self._seconds.labels(call.handler, stage).observe(seconds)
        if call.scoring is not None:
            self._count(call.scoring)

    def _count(self, scoring: Scoring) -> None:
        self._users.labels("scored").inc(len(scoring.prediction))
        self._users.labels("rejected").inc(len(scoring.rejected))
        for score in scoring.prediction.values():
            self._scores.observe(score)
        _add(self._rejections, Tally(fault["code"] for fault in scoring.rejected.values()))
        _add(self._missing, count_missing(scoring))
        _add(self._unknown, count_unknown(scoring))
        _add(self._beyond, scoring.beyond_training)


@functools.cache  # a registry takes each metric once
def record_metrics() -> None:
    """Count every later call of this process in prometheus-client's default registry."""
    add_observer(CallMetrics())


def expose_metrics() -> bytes:
    """Return the metrics in Prometheus's text format, of all workers where there are several."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def count_missing(scoring: Scoring) -> Mapping[str, int]:
    """Return how many users lack each feature.

    Only users who were rejected can lack one that is required, so only they are looked through.
    """
    features = scoring.bundle.manifest.features
    optional = [feature.name for feature in features if not feature.required]
    asked = [scoring.users[user] for user in scoring.rejected]
    rows = [row for row in asked if isinstance(row, dict)]
    missing = Tally(f.name for row in rows for f in features if row.get(f.name) is None)
    if optional:
        scored = [scoring.users[user] for user in scoring.prediction]
        missing.update(name for row in scored for name in optional if row.get(name) is None)
    return missing


def count_unknown(scoring: Scoring) -> Mapping[str, int]:
    """Return how many scored users have a category that the model did not see in training."""
    scored = [scoring.users[user] for user in scoring.prediction]
    return {
        feature.name: _count_others(feature, scored)
        for feature in scoring.bundle.manifest.features
        if feature.categories is not None
    }


def _count_others(feature: ModelFeature, rows: Sequence[Mapping[str, Any]]) -> int:
    known = {None, *(feature.categories or ())}
    return sum(row.get(feature.name) not in known for row in rows)


def _add(counter: Counter, tally: Mapping[Any, int]) -> None:
    for label, count in tally.items():
        if count:
            counter.labels(label).inc(count)
