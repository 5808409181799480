"""One line per call and, for hosts that want them, metrics: counts and times, no ids, no values."""

import json
import logging
from dataclasses import replace

import pytest
from prometheus_client import CollectorRegistry

from push_propensity.handler.metrics import CallMetrics
from push_propensity.handler.observation import Call, add_observer, remove_observer
from push_propensity.scoring.bundle import publish
from tests.predict.conftest import ask
from tests.predict.test_footprint import SOURCE, run_fresh
from tests.predict.tiny_bundle import SCHEMA, make_bundle, make_rows

ROW = make_rows(1)[0]
MIXED = {
    "first": ROW,
    "second": make_rows(2)[1],
    "": ROW,
    "third": 3,
    "fourth": ROW | {"count_pets": "x"},
    "fifth": ROW | {"count_pets": "y"},
}


@pytest.fixture
def line(predict, caplog):
    """The line that a call logs."""

    def call(users, **event):
        caplog.clear()
        caplog.set_level("INFO", "push_propensity")
        predict(users, **event)
        (record,) = [r for r in caplog.records if r.name == "push_propensity.handler"]
        assert record.levelno == logging.INFO
        return json.loads(record.getMessage())

    return call


def test_a_line_says_what_was_done(line):
    told = line(MIXED)
    milliseconds = told.pop("milliseconds")
    assert told == {
        "handler": "handler_predict",
        "status": "200",
        "model": "push_shared",
        "users": 6,
        "scored": 2,
        "rejected": {"EMPTY_ID": 1, "NOT_AN_OBJECT": 1, "TYPE": 2},
        "beyond_training": 0,
    }
    assert list(milliseconds) == ["read", "load", "score", "write", "total"]
    stages = [milliseconds[name] for name in ("read", "load", "score", "write")]
    assert all(stage >= 0 for stage in stages)
    assert sum(stages) <= milliseconds["total"] + 0.01


LEFT = {
    "a": ROW,
    "b": ROW | {"days_since_purchase_variant_id": 90.5, "count_pets": 91},
    "c": ROW | {"days_since_purchase_variant_id": 36_500},
    "d": ROW | {"count_pets": 1_001},  # rejected
}


def test_a_line_counts_the_numbers_beyond_training(line, caplog):
    told = line(LEFT)
    assert (told["scored"], told["rejected"]) == (3, {"OUT_OF_RANGE": 1})
    assert told["beyond_training"] == 3
    assert not any(feature.name in caplog.text for feature in SCHEMA)


def test_a_line_says_nothing_of_ranges_that_the_bundle_does_not_have(root, caplog, metrics):
    features = tuple(replace(f, lowest=None, highest=None) for f in SCHEMA)
    publish(make_bundle(features=features), root)
    caplog.set_level("INFO", "push_propensity")
    assert ask({"users": LEFT})[0] == "200"
    assert "beyond_training" not in caplog.records[-1].getMessage()
    assert metrics("beyond_training_total", feature="count_pets") is None


@pytest.mark.parametrize(
    ("users", "event", "known"),
    [
        ({}, {}, {"status": "200", "model": "push_shared", "users": 0, "scored": 0}),
        ("{", {}, {"status": "400", "error": "INVALID_JSON"}),
        ({"u": {}}, {"model_path": "push_1"}, {"status": "404", "error": "MODEL_NOT_FOUND"}),
        ({"u": {}}, {}, {"status": "422", "error": "NOTHING_TO_SCORE", "users": 1, "scored": 0}),
        (MIXED, {"strict": True}, {"status": "422", "error": "USERS_REJECTED", "scored": 2}),
    ],
)
def test_a_line_says_what_went_wrong(line, users, event, known):
    told = line(users, **event)
    assert known.items() <= told.items()
    assert "total" in told["milliseconds"]


def test_the_unexpected_is_located(predict, monkeypatch, caplog):
    def fail(*_):
        raise KeyError("sEcReT")

    monkeypatch.setattr("push_propensity.handler.predict._load_bundle", fail)
    caplog.set_level("INFO", "push_propensity")
    predict({"u": ROW})
    (line,) = [r for r in caplog.records if r.name == "push_propensity.handler"]
    assert line.levelno == logging.WARNING
    told = json.loads(line.getMessage())
    assert told["failure"].startswith("KeyError at test_observation.py:")
    assert "sEcReT" not in caplog.text


def test_a_damaged_model_is_explained(root, caplog):
    publish(make_bundle(), root, "push_1")
    (root / "push_1" / "model.onnx").write_bytes(b"damaged")
    assert ask({"users": {"u": ROW}})[0] == "503"
    (line,) = [r for r in caplog.records if r.name == "push_propensity.handler"]
    assert line.levelno == logging.WARNING
    told = json.loads(line.getMessage())
    assert told["error"] == "MODEL_DAMAGED"
    assert told["reason"] == "push_1: Not as published: model.onnx. Restore the model."


LOG = """
import logging, sys
logging.basicConfig(level="DEBUG", stream=sys.stdout, format="%(name)s %(message)s")
import json
from push_propensity.handler import handler_predict
from kedro.io import DataCatalog, MemoryDataset
users = sys.stdin.read()
for _ in range(2):
    assert handler_predict({"users": users}, None)["statusCode"] == "200"
DataCatalog({"a": MemoryDataset(1)}).load("a")
"""


def test_kedro_is_heard_in_the_hosts_own_runs_alone(shared_root, tmp_path):
    lines = run_fresh(LOG, shared_root, tmp_path).stdout.splitlines()
    names = [line.partition(" ")[0] for line in lines]
    handler = "push_propensity.handler"
    kedro = names.index("kedro.io.data_catalog")
    assert [name for name in names[:kedro] if name.startswith(("kedro", handler))] == [handler] * 2
    assert not any(str(SOURCE) in line for line in lines)


# ------------------------------------------------------------------ observers


@pytest.fixture
def observe():
    """Add observers for the time of a test."""
    added = []

    def add(observer):
        add_observer(observer)
        added.append(observer)

    yield add
    for observer in added:
        remove_observer(observer)


def test_observers_see_every_call_once(predict, observe):
    calls: list[Call] = []
    observe(calls.append)
    predict({"u": ROW})
    predict("{")
    assert [(call.handler, call.status, call.error) for call in calls] == [
        ("handler_predict", "200", None),
        ("handler_predict", "400", "INVALID_JSON"),
    ]
    assert calls[0].scoring.prediction.keys() == {"u"}
    assert calls[1].scoring is None


def test_an_observer_that_is_added_twice_sees_a_call_once(predict, observe):
    calls = []

    def keep(call):
        calls.append(call)

    observe(keep)
    observe(keep)
    predict({})
    remove_observer(keep)
    remove_observer(keep)
    predict({})
    assert len(calls) == 1


def test_an_observer_that_fails_harms_no_answer(predict, observe, caplog):
    def fail(call):
        raise RuntimeError("sEcReT")

    observe(fail)
    assert predict({"u": ROW})[0] == "200"
    assert "RuntimeError at test_observation.py" in caplog.text
    assert "sEcReT" not in caplog.text


# ------------------------------------------------------------------ metrics


@pytest.fixture
def metrics(observe):
    registry = CollectorRegistry()
    observe(CallMetrics(registry))

    def value(name, **labels):
        return registry.get_sample_value(f"push_propensity_{name}", labels)

    return value


@pytest.fixture
def categories_known(root):
    """A model that knows the categories of its training."""
    bundle = make_bundle()
    known = {"vendor": ("acme", "farm"), "product_type": ("fruit",)}
    features = tuple(replace(f, categories=known.get(f.name)) for f in bundle.manifest.features)
    publish(replace(bundle, manifest=replace(bundle.manifest, features=features)), root)


def test_metrics_count_calls_users_and_rejections(predict, metrics):
    predict(MIXED)
    predict(MIXED, strict=True)
    predict("{")
    assert metrics("calls_total", handler="handler_predict", status="200") == 1
    assert metrics("calls_total", handler="handler_predict", status="422") == 1
    assert metrics("calls_total", handler="handler_predict", status="400") == 1
    assert metrics("users_total", outcome="scored") == 4
    assert metrics("users_total", outcome="rejected") == 8
    assert metrics("rejections_total", code="TYPE") == 4
    assert metrics("rejections_total", code="EMPTY_ID") == 2
    timed = {"handler": "handler_predict", "stage": "total"}
    assert metrics("call_seconds_count", **timed) == 3
    assert 0 < metrics("call_seconds_sum", **timed) < 60


def test_metrics_have_the_scores(predict, metrics):
    _, body = predict({f"u{i}": row for i, row in enumerate(make_rows(300))})
    scores = body["prediction"].values()
    assert metrics("score_count") == 300
    assert metrics("score_sum") == pytest.approx(sum(scores))
    assert metrics("score_bucket", le="0.5") == sum(score <= 0.5 for score in scores)


def test_metrics_count_what_users_lack(predict, metrics):
    without = {name: value for name, value in ROW.items() if name != "vendor"}
    predict({"a": ROW, "b": without, "c": ROW | {"vendor": None, "count_pets": None}, "d": 7})
    assert metrics("missing_values_total", feature="vendor") == 2  # who is no object lacks nothing
    assert metrics("missing_values_total", feature="count_pets") == 1
    assert metrics("rejections_total", code="MISSING_FEATURE") == 2


def test_metrics_count_unknown_categories(root, categories_known, metrics):
    known = ROW | {"vendor": "acme", "product_type": "fruit"}
    users = {
        "a": known,
        "b": known | {"vendor": "new"},
        "c": known | {"vendor": "x", "count_pets": -1},
    }
    assert ask({"users": users})[0] == "200"
    assert metrics("unknown_categories_total", feature="vendor") == 1
    assert metrics("unknown_categories_total", feature="product_type") is None


def test_metrics_count_the_numbers_beyond_training(predict, metrics):
    predict(LEFT)
    predict(LEFT, strict=True)
    assert metrics("beyond_training_total", feature="count_pets") == 2
    assert metrics("beyond_training_total", feature="days_since_purchase_variant_id") == 4
    assert metrics("beyond_training_total", feature="count_adults") is None
    assert metrics("rejections_total", code="OUT_OF_RANGE") == 2


COUNT = """
import os, sys
from push_propensity.handler import handler_predict
from push_propensity.handler.metrics import expose_metrics, record_metrics
record_metrics()
record_metrics()
users = sys.stdin.read()
for _ in range(3):
    child = os.fork()
    if not child:
        handler_predict({"users": users}, None)
        os._exit(0)
    os.waitpid(child, 0)
handler_predict({"users": users}, None)
print(expose_metrics().decode())
"""
CALLS = 'push_propensity_calls_total{handler="handler_predict",status="200"}'


@pytest.mark.parametrize("several", [False, True])
def test_the_figures_of_several_workers_are_added_up(shared_root, tmp_path, several):
    (tmp_path / "metrics").mkdir()
    variables = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "metrics")} if several else {}
    lines = run_fresh(COUNT, shared_root, tmp_path, **variables).stdout.splitlines()
    assert f"{CALLS} {4.0 if several else 1.0}" in lines
    assert not any("1970" in line or str(tmp_path) in line for line in lines)


def test_predicting_needs_no_prometheus(shared_root, tmp_path):
    code = "import sys; sys.modules['prometheus_client'] = None\n" + LOG
    assert "handler_predict" in run_fresh(code, shared_root, tmp_path).stdout
