"""The command and the handler give the shipped sample's rows the same scores."""

import json

import pandas as pd
import pytest

from push_propensity.frame.columns import CATEGORICAL_FEATURES, FEATURE_NAMES
from push_propensity.handler import handler_fit, handler_predict
from tests.fit.conftest import frame_file, work_in
from tests.fit.test_handler_fit import NUMBERS
from tests.predict.answers import read_answer
from tests.project.small_run import copy_project, run

MOST_USERS = 20_000
CANDIDATES = {"logistic_l2": {"C": 0.1}, "xgboost": {"n_estimators": 40, "max_depth": 4}}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the project whose users to score are the rows of the shipped sample."""
    project = tmp_path_factory.mktemp("agreement") / "project"
    copy_project(project)
    types = dict.fromkeys(CATEGORICAL_FEATURES, "str") | NUMBERS
    frame = pd.read_csv(frame_file(project), usecols=list(FEATURE_NAMES), dtype=types)
    rows = frame[list(FEATURE_NAMES)].to_dict("records")
    users = {f"user {number}": row for number, row in enumerate(rows)}
    users |= {f"faulty {number}": {**row, "vendor": None} for number, row in enumerate(rows[:9])}
    (project / "data/01_raw/scoring_users.json").write_text(json.dumps(users))
    return project, users


def ask_in_parts(users):
    """The handler's answers to as many calls as the users take, put together."""
    prediction, rejected, ids = {}, {}, list(users)
    for start in range(0, len(ids), MOST_USERS):
        part = {user: users[user] for user in ids[start : start + MOST_USERS]}
        status, body = read_answer(handler_predict({"users": part}, None))
        assert status == "200"
        prediction |= body["prediction"]
        rejected |= body.get("rejected", {})
    return prediction, rejected


@pytest.mark.slow
@pytest.mark.parametrize("candidate", CANDIDATES)
def test_the_command_and_the_handler_agree(checkout, monkeypatch, candidate):
    project, users = checkout
    work_in(project, project / "data/06_models", monkeypatch)
    asked = {"candidate": candidate, "parameters": CANDIDATES[candidate]}
    status, body = read_answer(handler_fit({"model_parametrisation": asked}, None))
    assert (status, body["candidate"]) == ("200", candidate)
    ran = run(project, "--pipelines", "inference")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    scores = json.loads((project / "data/07_model_output/scores.json").read_text())
    prediction, rejected = ask_in_parts(users)
    assert scores["model_name"] == body["model_name"]
    assert len(prediction) > 40_000
    assert list(scores["prediction"]) == list(prediction)
    assert scores["prediction"] == pytest.approx(prediction, abs=1e-6)
    assert scores["rejected"] == rejected
    assert len(rejected) == 9
