import logging

import pytest
from fastapi.testclient import TestClient

from push_propensity.scoring.bundle import publish
from push_propensity.service.app import create_app
from push_propensity.service.settings import ServiceSettings
from tests.predict.tiny_bundle import make_bundle

KEY = "a-key-for-the-tests"


def make_settings(**given):
    return ServiceSettings(**{"api_key": KEY, **given})


@pytest.fixture(autouse=True)
def quiet_client(monkeypatch):
    """The lines that the tests' client logs are not the service's."""
    monkeypatch.setattr(logging.getLogger("httpx2"), "disabled", True)


@pytest.fixture
def models(tmp_path, monkeypatch):
    """A models root with one bundle, which the service serves."""
    root = tmp_path / "models"
    publish(make_bundle(), root, "push_1")
    monkeypatch.setenv("PUSH_PROPENSITY_MODELS", str(root))
    return root


@pytest.fixture
def client(models):
    with TestClient(create_app(make_settings()), headers={"X-API-Key": KEY}) as client:
        yield client
