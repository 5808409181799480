"""A family that someone adds is fitted by the handler like the others."""

import json

import pytest
import yaml
from kedro.framework.project import configure_project

from push_propensity.frame.columns import FEATURE_NAMES
from push_propensity.handler import handler_predict
from tests.fit.conftest import LOCAL
from tests.modelling.toy_family import ENTRY, add_toy_family


@pytest.fixture
def toy(project, monkeypatch):
    """The project with the family and an entry of it."""
    local = yaml.safe_load(LOCAL)
    local["candidates"]["toy"] = ENTRY
    (project / "conf/local/parameters.yml").write_text(yaml.safe_dump(local))
    add_toy_family(monkeypatch)
    yield
    configure_project("push_propensity")  # forget the pipelines that have it


@pytest.mark.usefixtures("toy")
def test_is_fitted_and_predicts(fit, extended_frame):
    asked = {"candidate": "toy", "parameters": {"strength": 2}}
    status, body = fit({"model_parametrisation": asked})
    assert status == "200"
    assert (body["candidate"], body["parameters"]) == ("toy", {"strength": 2.0})
    row = {name: extended_frame[name].tolist()[0] for name in FEATURE_NAMES}
    answer = handler_predict({"users": {"u": row}, "model_path": body["model_path"]}, None)
    assert 0 < json.loads(answer["body"])["prediction"]["u"] < 1


@pytest.mark.usefixtures("toy")
def test_its_parameters_are_checked(fit):
    asked = {"candidate": "toy", "parameters": {"C": 1}}
    status, body = fit({"model_parametrisation": asked})
    assert status == "400"
    assert "toy got parameters that are not allowed" in body["error"]["message"]
    assert "Allowed parameters: strength." in body["error"]["message"]


def test_an_entry_in_its_former_shape_is_refused(fit, project):
    former = "xgboost: {candidate: {threads: 1}}\n"
    (project / "conf/local/parameters.yml").write_text(former)
    status, body = fit({"model_parametrisation": {"candidate": "xgboost"}})
    assert status == "400"
    assert "xgboost: {candidate: …} is now candidates: {xgboost: …}" in body["error"]["message"]


def test_without_it_the_entry_is_refused(fit, project):
    local = yaml.safe_load(LOCAL)
    local["candidates"]["toy"] = ENTRY
    (project / "conf/local/parameters.yml").write_text(yaml.safe_dump(local))
    status, body = fit({"model_parametrisation": {"candidate": "xgboost"}})
    assert status == "400"
    assert "`candidates` has no use for toy" in body["error"]["message"]
