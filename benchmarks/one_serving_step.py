"""One step of a serving benchmark in a process of its own; prints what it measured as JSON.

`benchmarks/serving.py` and `benchmarks/service_load.py` start it:
`one_serving_step.py publish|prepare|compare|remember '<JSON>'`. The folder that steps share has the
models root, the users and the plain scikit-learn pipeline in it.
"""

import json
import os
import pickle
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from push_propensity.handler import handler_fit, handler_predict

ROOT = Path(__file__).parents[1]
USERS, PLAIN = "users.json", "plain.pickle"
MOST_USERS = 10_000
WARM_UP = 0.1  # of the rounds that are measured
Users = dict[str, dict[str, Any]]


def publish(candidate: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Let the handler fit and publish a candidate."""
    asked = {"candidate": candidate, "parameters": dict(parameters)}
    answer = handler_fit({"model_parametrisation": asked}, None)
    if answer["statusCode"] != "200":
        sys.exit(answer["body"])
    return {"model": json.loads(answer["body"])["model_path"]}


def prepare(candidate: str, parameters: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """Write users, and the published candidate as a plain scikit-learn pipeline of one thread."""
    from push_propensity.frame.columns import FEATURE_NAMES

    catalog = _open_catalog()
    frame = catalog.load("feature_frame@pandas")
    rows = frame[list(FEATURE_NAMES)].sample(MOST_USERS, random_state=0).to_dict("records")
    users = {f"user {number}": row for number, row in enumerate(rows)}
    (Path(folder) / USERS).write_text(json.dumps(users), encoding="utf-8")
    plain = _train_plainly(catalog, frame, candidate, parameters)
    (Path(folder) / PLAIN).write_bytes(pickle.dumps(plain))
    return {"users": len(users)}


def _open_catalog() -> Any:
    from kedro.framework.session import KedroSession
    from kedro.framework.startup import bootstrap_project

    bootstrap_project(ROOT)
    return KedroSession.create(ROOT).load_context().catalog


def _train_plainly(catalog: Any, frame: Any, candidate: str, parameters: Mapping[str, Any]) -> Any:
    """Train on the rows that the handler trains on: the same encoder and estimator."""
    from sklearn.pipeline import Pipeline

    from push_propensity.handler.quiet_kedro import run_in_memory
    from push_propensity.pipelines import data_processing, training

    options, entries = "params:training_options", "params:candidates"
    candidates = catalog.load(entries)
    candidates[candidate] = candidates[candidate].model_copy(update={"threads": 1})
    asked = {"candidate": candidate, "parameters": dict(parameters)}
    given = {
        "feature_frame": frame,
        "winner": {},
        options: catalog.load(options).model_copy(update=asked),
        entries: candidates,
    }
    steps = data_processing.create_pipeline() + training.create_pipeline()
    needed = steps.to_outputs("trained_model")
    given |= {name: catalog.load(name) for name in needed.inputs() - set(given)}
    model = run_in_memory(needed, given)["trained_model"]
    return Pipeline([("encoder", model.encoder), ("estimator", model.estimator)])


def compare(folder: str, rounds: Mapping[str, int]) -> dict[str, Any]:
    """Time handler and plain pipeline in turns, by the number of users, and the handler alone.

    The largest number of users is given as an object, others as JSON text.
    """
    from threadpoolctl import threadpool_limits

    plain = pickle.loads((Path(folder) / PLAIN).read_bytes())
    with threadpool_limits(1):
        return {
            size: _compare_at(plain, _read_users(folder, int(size)), count)
            for size, count in rounds.items()
        }


def _read_users(folder: str, size: int) -> Users:
    users: Users = json.loads((Path(folder) / USERS).read_text(encoding="utf-8"))
    return dict(list(users.items())[:size])


def _compare_at(plain: Any, users: Users, rounds: int) -> dict[str, Any]:
    given: Any = users if len(users) == MOST_USERS else json.dumps(users)
    calls = {
        "handler": lambda: predict(given),
        "plain": lambda: predict_plainly(plain, given),
    }
    if isinstance(given, str):
        calls["json.loads"] = lambda: json.loads(given)
    for answer in (json.loads(calls["handler"]())["prediction"], json.loads(calls["plain"]())):
        if list(answer) != list(users):
            sys.exit("Not every user got a score.")
    take_turns(calls, round(WARM_UP * rounds) + 1)
    times = take_turns(calls, rounds)
    times["alone"] = take_turns({"handler": calls["handler"]}, rounds)["handler"]
    return {name: _summarise(nanoseconds) for name, nanoseconds in times.items()}


def predict(users: object) -> str:
    """Score users with the handler and the newest model."""
    answer = handler_predict({"users": users}, None)
    if answer["statusCode"] != "200":
        sys.exit(answer["body"])
    return answer["body"]


def predict_plainly(pipeline: Any, users: Any) -> str:
    """Score users as one would by hand, without any check."""
    import pandas as pd

    parsed = json.loads(users) if isinstance(users, str) else users
    frame = pd.DataFrame.from_dict(parsed, orient="index")
    scores = pipeline.predict_proba(frame)[:, 1]
    return json.dumps(dict(zip(parsed, scores.tolist(), strict=True)))


def take_turns(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[int]]:
    """Make every call once a round; return nanoseconds."""
    times: dict[str, list[int]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            started = time.perf_counter_ns()
            call()
            times[name].append(time.perf_counter_ns() - started)
    return times


def _summarise(nanoseconds: list[int]) -> dict[str, float]:
    """Return milliseconds."""
    import numpy as np

    p50, p99 = np.quantile(np.array(nanoseconds) / 1e6, [0.5, 0.99])
    return {"calls": len(nanoseconds), "p50": p50, "p99": p99, "least": min(nanoseconds) / 1e6}


def remember(users: Users, warm_up: int, calls: int) -> dict[str, Any]:
    """Return the resident bytes after a warm-up and after more calls, one user each.

    The users come as an argument: room that reading a file leaves would hide what calls keep.
    """
    texts = [json.dumps({user: row}) for user, row in users.items()]
    resident = []
    for count in (warm_up, calls):
        for number in range(count):
            predict(texts[number % len(texts)])
        resident.append(_resident_bytes())
    return {"before": resident[0], "after": resident[1]}


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


STEPS = {"publish": publish, "prepare": prepare, "compare": compare, "remember": remember}

if __name__ == "__main__":
    print(json.dumps(STEPS[sys.argv[1]](**json.loads(sys.argv[2]))))
