import logging
import os
import time

import pytest

from push_propensity.scoring.bundle import publish
from tests.predict.answers import read_answer
from tests.predict.tiny_bundle import make_bundle, make_rows


@pytest.fixture(autouse=True)
def only_warnings_are_logged():
    """Another test may have had Kedro configure logging of its own, which takes milliseconds."""
    loggers = [logging.getLogger(name) for name in ("kedro", "push_propensity")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel("WARNING")
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture(scope="session")
def rows():
    return make_rows(300)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """An empty models root that the handler uses."""
    path = tmp_path / "models"
    path.mkdir()
    monkeypatch.setenv("PUSH_PROPENSITY_MODELS", str(path))
    return path


@pytest.fixture(scope="session")
def shared_root(tmp_path_factory):
    """A models root with one bundle, for tests that change nothing in it."""
    path = tmp_path_factory.mktemp("shared") / "models"
    publish(make_bundle(), path, "push_shared")
    return path


@pytest.fixture
def predict(shared_root, monkeypatch):
    """Ask about users by the shared bundle: status and body."""
    monkeypatch.setenv("PUSH_PROPENSITY_MODELS", str(shared_root))
    return lambda users, **event: ask({"users": users, **event})


def ask(event, context=None):
    """Status and body of an answer, once it keeps the rules that hold for every answer."""
    from push_propensity.handler import handler_predict

    answer = handler_predict(event, context)
    assert os.environ["PUSH_PROPENSITY_MODELS"] not in answer["body"]
    status, body = read_answer(answer)
    assert ("prediction" in body) is (status == "200")
    return status, body


def settle(root):
    """Wait until the bundles under the root are old enough to be kept in memory."""
    newest = max(path.lstat().st_ctime_ns for path in root.rglob("*"))
    time.sleep(max(0.0, 0.12 - (time.time_ns() - newest) / 1e9))
