"""What the service says of itself is what it does."""

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from push_propensity.frame.columns import FEATURE_NAMES
from push_propensity.handler.answers import answer
from push_propensity.scoring.bundle import publish
from push_propensity.service import app
from push_propensity.service.app import create_app
from tests.predict.tiny_bundle import make_bundle
from tests.service.conftest import KEY, make_settings


def answer_fit(event, context):
    """As the handler would answer, without training."""
    from push_propensity.errors import PushPropensityError
    from push_propensity.handler.answers import refuse_error
    from push_propensity.handler.fit import _read_request

    try:
        _read_request(event)
    except PushPropensityError as error:
        return refuse_error(error)
    return answer("200", FITTED)


FITTED = {
    "model_name": "push_1",
    "model_path": "push_1",
    "candidate": "xgboost",
    "parameters": {"max_depth": 3},
    "training_window": {"first_day": "2021-01-01"},
    "metrics": {"roc_auc": None},
}


SERVICE = create_app(make_settings(allow_fit=True))
schema = schemathesis.openapi.from_asgi("/openapi.json", SERVICE)


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory):
    """A model to predict with; none is fitted."""
    root = tmp_path_factory.mktemp("models")
    publish(make_bundle(), root, "push_2021_03_04")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PUSH_PROPENSITY_MODELS", str(root))
        patch.setattr(app, "handler_fit", answer_fit)
        yield


@schema.parametrize()
@settings(max_examples=60, deadline=None)
def test_every_answer_is_as_described(case):
    """Status, body and headers by the description, and no request makes the service fail.

    Only which features a model takes is not described, so that any users may be rejected.
    """
    case.call_and_validate(headers={"X-API-Key": KEY}, excluded_checks=[positive_data_acceptance])


@pytest.fixture(scope="module")
def document():
    with TestClient(SERVICE) as client:
        return client.get("/openapi.json").json()


def test_every_path_is_described(document):
    assert set(document["paths"]) == {"/healthz", "/readyz", "/metrics", "/predict", "/fit"}
    guarded = {
        path
        for path, operations in document["paths"].items()
        if any("security" in operation for operation in operations.values())
    }
    assert guarded == {"/metrics", "/predict", "/fit"}


@pytest.mark.parametrize("path", ["/predict", "/fit"])
def test_the_examples_are_answered(document, path):
    body = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    with TestClient(SERVICE, headers={"X-API-Key": KEY}) as client:
        for example in body["examples"].values():
            response = client.post(path, json=example["value"])
            assert response.status_code == 200, response.text
            assert "rejected" not in response.json()


def test_the_example_row_has_the_features_of_every_frame(document):
    body = document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]
    (row, _) = body["examples"]["two users"]["value"]["users"].values()
    assert list(row) == list(FEATURE_NAMES)
