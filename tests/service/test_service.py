"""The reference service answers what the handlers answer, to those who have the key."""

import json
import threading
import time

import anyio
import pytest
from fastapi.testclient import TestClient

from push_propensity.handler import handler_predict
from push_propensity.scoring.bundle import publish
from push_propensity.service import app, requests
from push_propensity.service.app import create_app
from tests.predict.tiny_bundle import expected_scores, make_bundle, make_rows
from tests.service.conftest import KEY, make_settings

ROWS = make_rows(3)
USERS = {"007": ROWS[0], "7": ROWS[1], "bad": {}, "é\n": ROWS[2]}


def code(response):
    error = response.json()["error"]
    assert set(error) == {"code", "message", "retryable"}
    return error["code"]


# ------------------------------------------------------------------ predictions


def test_the_answer_is_the_handlers(client):
    response = client.post("/predict", json={"users": USERS})
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.text == handler_predict({"users": USERS}, None)["body"]
    assert list(response.json()["prediction"]) == ["007", "7", "é\n"]
    assert response.json()["prediction"]["7"] == pytest.approx(
        expected_scores([ROWS[1]])[0], abs=1e-6
    )


def test_users_may_be_json_text_too(client):
    as_text = client.post("/predict", json={"users": json.dumps(USERS)})
    assert as_text.json() == client.post("/predict", json={"users": USERS}).json()


def test_a_model_by_name_and_strictness(client, models):
    publish(make_bundle(seed=2), models, "push_2")
    body = {"users": {"u": ROWS[0]}, "model_path": "push_1", "strict": True, "more": [1]}
    assert client.post("/predict", json=body).json()["model_name"] == "push_1"
    assert client.post("/predict", json={"users": USERS, "strict": True}).status_code == 422


BODIES = {
    '{"users": {"u": ROW, "u": ROW}}': (400, "DUPLICATE_USER"),
    '{"users": {"u": ROW}, "model_path": "../up"}': (400, "FORBIDDEN_PATH"),
    '{"users": {"u": ROW}, "model_path": "push_9"}': (404, "MODEL_NOT_FOUND"),
    '{"users": {"u": {}}}': (422, "NOTHING_TO_SCORE"),
    '{"users": {"u": NaN}}': (400, "INVALID_JSON"),
    '{"users": {"u": 1} {}}': (400, "INVALID_JSON"),
    '{"users": [1]}': (400, "INVALID_USERS"),
    '{"users": 3}': (400, "INVALID_USERS"),
    '{"users": null}': (400, "INVALID_USERS"),
    '{"users": ""}': (400, "INVALID_JSON"),
    '{"users": "[]"}': (400, "INVALID_USERS"),
    '{"users": {}, "strict": 1}': (400, "BAD_PARAMETER"),
    '{"users": {}} tail': (400, "INVALID_JSON"),
    "{}": (400, "INVALID_USERS"),
    "": (400, "INVALID_JSON"),
    "[]": (400, "INVALID_JSON"),
    '"users"': (400, "INVALID_JSON"),
    "{'users': {}}": (400, "INVALID_JSON"),
    '{"users":' * 5_000: (400, "INVALID_JSON"),
    '{"users":' * 5_000 + "1" + "}" * 5_000: (400, "INVALID_JSON"),
    '{"users": {}, "x": ' + "[" * 5_000 + "]" * 5_000 + "}": (400, "INVALID_JSON"),
}


@pytest.mark.parametrize(("body", "expected"), BODIES.items(), ids=range(len(BODIES)))
def test_bodies_that_are_refused(client, body, expected):
    response = client.post("/predict", content=body.replace("ROW", json.dumps(ROWS[0])))
    assert (response.status_code, code(response)) == expected


@pytest.mark.parametrize("body", [b"\xff\xfe", '{"users": {"é": 1}}'.encode("latin-1")])
def test_bodies_that_are_not_utf_8(client, body):
    assert client.post("/predict", content=body).status_code == 400


def test_no_more_is_read_than_is_allowed(client, monkeypatch):
    monkeypatch.setattr(requests, "ROOM", 900)
    monkeypatch.setenv("PUSH_PROPENSITY_MAX_BYTES", "100")
    read = []

    def parts():
        for number in range(100):
            read.append(number)
            yield b" " * 100

    response = client.post("/predict", content=parts())
    assert (response.status_code, code(response)) == (413, "TOO_LARGE")
    assert client.post("/predict", content=b" " * 998 + b"{}").status_code == 400


def test_a_body_that_does_not_come(models):
    service = create_app(make_settings(timeout_seconds=0.1))
    sent = []

    async def keep(message):
        sent.append(message)

    headers = [(b"x-api-key", KEY.encode())]
    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": headers}
    scope |= {"query_string": b"", "server": ("test", 80), "scheme": "http", "app": service}

    async def receive():
        await anyio.sleep(30)

    anyio.run(service, scope, receive, keep)
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["error"]["code"] == "BODY_LATE"


def test_a_call_that_waited_too_long_is_refused(models):
    """One thread is busy; who comes meanwhile has no time left when it is free."""
    finish, come = threading.Event(), threading.Semaphore(0)
    read = app.read_prediction

    def slow(event, deadline):
        finish.wait(60)
        return handler_predict(event, deadline)

    def read_and_tell(body):
        come.release()
        return read(body)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "handler_predict", slow)
        patch.setattr(app, "read_prediction", read_and_tell)
        patch.setattr(app.os, "cpu_count", lambda: 1)
        service = create_app(make_settings(timeout_seconds=2))
        with TestClient(service, headers={"X-API-Key": KEY}) as client:
            answers = []

            def ask():
                answers.append(client.post("/predict", json={"users": {"u": ROWS[0]}}))

            threads = [threading.Thread(target=ask) for _ in range(2)]
            for thread in threads:
                thread.start()
            for _ in threads:
                assert come.acquire(timeout=60)
            time.sleep(2.5)
            finish.set()
            for thread in threads:
                thread.join()
    assert [answer.status_code for answer in answers] == [503, 503]
    assert {code(answer) for answer in answers} == {"NO_TIME_LEFT"}
    assert {answer.headers["retry-after"] for answer in answers} == {"1"}


# ------------------------------------------------------------------ the key


@pytest.mark.parametrize("key", [None, "", "wrong", KEY[:-1], KEY + "x", KEY.upper(), "ü" * 20])
@pytest.mark.parametrize(("method", "path"), [("POST", "/predict"), ("GET", "/metrics")])
def test_without_the_key_nothing_is_told(models, key, method, path):
    headers = {} if key is None else {"X-API-Key": key.encode("latin-1")}
    with TestClient(create_app(make_settings())) as client:
        response = client.request(method, path, headers=headers, content="{")
    assert (response.status_code, code(response)) == (401, "UNAUTHORISED")


def test_two_keys_while_one_is_changed(models):
    keys = ("the-older-key-1234", "the-newer-key-5678")
    with TestClient(create_app(make_settings(api_key=", ".join(keys)))) as client:
        statuses = [
            client.post("/predict", json={"users": {}}, headers={"X-API-Key": key}).status_code
            for key in (*keys, ", ".join(keys), KEY)
        ]
    assert statuses == [200, 200, 401, 401]


# ------------------------------------------------------------------ health, metrics, the rest


def test_health_and_readiness_need_no_key(models):
    with TestClient(create_app(make_settings())) as client:
        assert client.get("/healthz").json() == {"status": "alive"}
        assert client.get("/readyz").json() == {"status": "ready", "model_name": "push_1"}
        (models / "push_1" / "model.onnx").write_bytes(b"damaged")
        assert client.get("/healthz").status_code == 200
        response = client.get("/readyz")
        assert (response.status_code, code(response)) == (503, "MODEL_DAMAGED")


def test_not_ready_without_a_model(tmp_path, monkeypatch):
    monkeypatch.setenv("PUSH_PROPENSITY_MODELS", str(tmp_path))
    with TestClient(create_app(make_settings())) as client:
        response = client.get("/readyz")
    assert (response.status_code, code(response)) == (503, "MODEL_NOT_FOUND")


def test_metrics_count_the_calls(client):
    def calls():
        text = client.get("/metrics").text
        name = 'push_propensity_calls_total{handler="handler_predict",status="200"} '
        found = [line for line in text.splitlines() if line.startswith(name)]
        return float(found[0].removeprefix(name)) if found else 0

    before = calls()
    client.post("/predict", json={"users": USERS})
    client.post("/predict", json={"users": {}})
    assert calls() == before + 2


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/", (404, "NO_SUCH_PATH")),
        ("GET", "/docs", (404, "NO_SUCH_PATH")),
        ("GET", "/predict", (405, "METHOD_NOT_ALLOWED")),
        ("POST", "/predict/", (404, "NO_SUCH_PATH")),
        ("POST", "/fit", (404, "NO_SUCH_PATH")),
    ],
)
def test_what_is_not_there(client, method, path, expected):
    response = client.request(method, path)
    assert (response.status_code, code(response)) == expected


def test_refusals_are_logged_and_counted(client, caplog):
    caplog.set_level("INFO", "push_propensity.service")
    client.post("/predict", content="[]")
    client.get("/sEcReT")
    client.post("/predict", headers={"X-API-Key": "sEcReT"})
    lines = [json.loads(r.message) for r in caplog.records if r.name.endswith("service.app")]
    assert [(line["service"], line["status"]) for line in lines] == [
        ("POST /predict", "400"),
        ("GET elsewhere", "404"),
        ("POST /predict", "401"),
    ]
    assert "sEcReT" not in caplog.text
    counted = client.get("/metrics").text
    assert 'push_propensity_refusals_total{path="/predict",status="401"}' in counted


def test_the_unexpected_is_an_answer_too(client, monkeypatch, caplog):
    def fail(*_):
        raise KeyError("sEcReT")

    monkeypatch.setattr(app, "handler_predict", fail)
    response = client.post("/predict", json={"users": {}})
    assert (response.status_code, code(response)) == (500, "INTERNAL")
    assert "KeyError at test_service.py" in caplog.text
    assert "sEcReT" not in caplog.text + response.text


def test_a_caller_who_hangs_up_is_no_error(client, monkeypatch, caplog):
    async def hang_up(*_):
        raise app.ClientDisconnect

    monkeypatch.setattr(app, "read_body", hang_up)
    assert client.post("/predict", json={"users": {}}).status_code == 499
    assert caplog.text == ""


# ------------------------------------------------------------------ fitting


@pytest.fixture
def fitting(models, monkeypatch):
    """The events that reach the handler of fits, and a client of a service that allows them."""
    events = []

    def fit(event, context):
        events.append((event, context))
        return {"statusCode": "409", "body": json.dumps(BUSY)}

    monkeypatch.setattr(app, "handler_fit", fit)
    service = create_app(make_settings(allow_fit=True))
    with TestClient(service, headers={"X-API-Key": KEY}) as client:
        yield events, client


BUSY = {"error": {"code": "FIT_RUNNING", "message": "Try again.", "retryable": True}}


def test_a_fit_is_the_handlers(fitting):
    events, client = fitting
    event = {"model_parametrisation": {"candidate": "xgboost"}, "force": True}
    response = client.post("/fit", json=event)
    assert events == [(event, None)]
    assert (response.status_code, response.json()) == (409, BUSY)
    assert response.headers["retry-after"] == "1"


@pytest.mark.parametrize("body", ["", "[]", "{", '"x"', "null", b"\xff"])
def test_a_fit_of_what_is_no_object(fitting, body):
    events, client = fitting
    response = client.post("/fit", content=body)
    assert (response.status_code, code(response)) == (400, "INVALID_JSON")
    assert events == []


def test_a_fit_needs_the_key(fitting):
    events, client = fitting
    response = client.post("/fit", json={}, headers={"X-API-Key": "x" * 20})
    assert response.status_code == 401
    assert events == []
