"""What `docs/serving.md` shows works, and what it lists is all there is."""

import base64
import json
import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from push_propensity.handler import places
from push_propensity.handler.fit import FitRequest
from push_propensity.handler.metrics import CallMetrics
from push_propensity.scoring.bundle import publish
from push_propensity.service.settings import ServiceSettings
from tests.predict.tiny_bundle import make_bundle, make_rows
from tests.project.environments import ROOT

GUIDE = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
EXAMPLES = dict(
    zip(
        ("score", "fit", "lambda", "metrics"),
        re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL),
        strict=True,
    )
)
USERS = dict(zip(("007", "7"), make_rows(2), strict=True))


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch):
    root = tmp_path / "models"
    publish(make_bundle(), root, "push_1")
    monkeypatch.setenv("PUSH_PROPENSITY_MODELS", str(root))
    return root


def run(name):
    """Run an example; return what it defines."""
    defined = {}
    exec(compile(EXAMPLES[name], f"{name} of serving.md", "exec"), defined)
    return defined


def test_the_example_of_an_api():
    score = run("score")["score"]
    assert list(score(USERS)) == ["007", "7"]
    with pytest.raises(RuntimeError, match="422: Users cannot be scored"):
        score({"u": {}})


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ({"body": json.dumps({"users": USERS})}, 200),
        ({"body": json.dumps({"users": json.dumps(USERS)})}, 200),
        (
            {
                "body": base64.b64encode(json.dumps({"users": USERS}).encode()).decode(),
                "isBase64Encoded": True,
            },
            200,
        ),
        ({"body": "{"}, 400),
        ({"body": "[" * 100_000}, 400),
        ({"body": "é", "isBase64Encoded": True}, 400),
        ({"body": None}, 400),
        ({}, 400),
    ],
)
def test_the_example_of_a_lambda(event, status):
    response = run("lambda")["lambda_handler"](event, None)
    assert response["statusCode"] == status
    assert ("prediction" in json.loads(response["body"])) == (status == 200)


def test_the_example_of_a_fit(monkeypatch):
    """Its event is one that the handler takes."""
    asked = []
    monkeypatch.setattr("push_propensity.handler.handler_fit", lambda *given: asked.append(given))
    run("fit")
    ((event, _),) = asked
    request = FitRequest.model_validate(event)
    assert request.model_parametrisation.parameters == {"C": 0.1}


def test_the_example_of_metrics():
    assert "push_propensity_calls_total" in run("metrics")["text"].decode()


def test_the_example_of_a_line(caplog):
    caplog.set_level("INFO", "push_propensity")
    users = {**USERS, "bad": USERS["7"] | {"vendor": 1}}
    run("score")["score"](users)
    shown = json.loads(re.search(r"```json\n(.*?)```", GUIDE, re.DOTALL)[1])
    logged = json.loads(caplog.records[-1].getMessage())
    assert list(logged) == list(shown)
    assert list(logged["milliseconds"]) == list(shown["milliseconds"])
    assert logged["rejected"] == shown["rejected"]


def test_rolling_back_as_it_says(models):
    publish(make_bundle(seed=2), models, "push_2")
    (models / ".new").write_text("push_1\n")
    (models / ".new").rename(models / "latest")
    handler = run("lambda")["handler_predict"]
    body = json.loads(handler({"users": USERS}, None)["body"])
    assert body["model_name"] == "push_1"


def test_every_code_is_listed():
    package = ROOT / "src" / "push_propensity"
    sources = [package / "errors.py", package / "scoring/scores.py", package / "scoring/inputs.py"]
    sources += [*(package / "handler").glob("*.py"), *(package / "service").glob("[a-z]*.py")]
    text = "".join(Path(source).read_text(encoding="utf-8") for source in sources)
    codes = set(re.findall(r'"([A-Z]+(?:_[A-Z]+)+|STORAGE|INTERNAL|TYPE|UNAUTHORISED)"', text))
    variables = {code for code in codes if code.startswith(("PUSH_", "KEDRO_", "PROMETHEUS_"))}
    codes -= variables | {"MAX_BYTES", "MAX_USERS", "HTTP_ERROR"}  # the last nothing raises
    assert len(codes) > 20
    assert {code for code in codes if f"`{code}`" not in GUIDE} == set()


def test_every_metric_is_listed():
    registry = CollectorRegistry()
    CallMetrics(registry)
    named = {
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in registry.collect()
    }
    listed = set(re.findall(r"^\| `(push_propensity_\w+)`", GUIDE, re.MULTILINE))
    assert named == listed - {"push_propensity_refusals_total"}  # the service's own


def test_the_settings_that_it_names_are_there():
    known = {f"PUSH_PROPENSITY_{name.upper()}" for name in ServiceSettings.model_fields}
    known |= {places.MODELS, places.PROJECT, places.MOST_BYTES, places.MOST_USERS}
    assert set(re.findall(r"PUSH_PROPENSITY_[A-Z_]+", GUIDE)) <= known
