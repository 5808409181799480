"""ONNX Runtime reports nothing to its maker, and the host's environment stays as it is."""

import os

import pytest

from push_propensity.errors import BundleError
from push_propensity.scoring.session import open_session
from tests.predict.test_footprint import PREDICT, run_fresh
from tests.predict.tiny_bundle import make_graph

SWITCH = "ORT_DISABLE_TELEMETRY"
RUN = PREDICT + f'\nimport os; assert "{SWITCH}" not in os.environ'


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home of a process that is neither a test's nor a build server's."""
    for name in ("CI", SWITCH, "ORT_RUNNING_UNIT_TESTS", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_predicting_leaves_no_trace(shared_root, tmp_path, home):
    run_fresh(RUN, shared_root, tmp_path, HOME=str(home))
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("value", [None, "0"])
def test_the_environment_stays_as_it_is(monkeypatch, value):
    monkeypatch.setenv(SWITCH, value or "")
    if value is None:
        monkeypatch.delenv(SWITCH)
    open_session(make_graph())
    assert os.environ.get(SWITCH) == value


def test_what_is_no_graph(monkeypatch):
    with pytest.raises(BundleError, match="cannot be loaded"):
        open_session(b"no graph")
