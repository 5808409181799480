"""A project of its own: the repository's configuration with a small feature frame."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from push_propensity.handler import fit as fitting
from push_propensity.handler.places import environment, find_project
from push_propensity.models import families
from push_propensity.training import assembly as training
from tests.predict.answers import read_answer

ROOT = Path(__file__).parents[2]
LOCAL = """
training_options:
  resamples: 10
  parity_rows: 500
candidates:
  xgboost:
    parameters: {n_estimators: 12, max_depth: 3, learning_rate: 0.3}
    threads: 1
"""


@pytest.fixture(scope="session")
def blank_project(tmp_path_factory, make_feature_frame):
    """Copied for each test."""
    project = tmp_path_factory.mktemp("checkout") / "project"
    (project / "src").mkdir(parents=True)
    shutil.copytree(ROOT / "conf", project / "conf", ignore=shutil.ignore_patterns("local"))
    for name in ("pyproject.toml", ".telemetry"):
        shutil.copy(ROOT / name, project / name)
    (project / "conf/local").mkdir()
    (project / "conf/local/parameters.yml").write_text(LOCAL)
    (project / "data/01_raw").mkdir(parents=True)
    make_feature_frame().to_csv(project / frame_file(""), index=False)
    return project


def frame_file(project):
    return Path(project) / "data/01_raw/feature_frame_20210304.csv"


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """Where the project of every test lies, so that what was opened there stays true."""
    return tmp_path_factory.mktemp("place") / "project"


@pytest.fixture(scope="session")
def opened():
    """The catalogs that were opened, by environment, local configuration and entries."""
    return {}


@pytest.fixture
def project(blank_project, place, tmp_path, opened, monkeypatch):
    """The project that the handler works in, as it was at first; its models are elsewhere.

    It is opened once for each configuration, not for each fit.
    """
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(blank_project, place)
    work_in(place, tmp_path / "models", monkeypatch)
    open_catalog = fitting._open_catalog

    def open_once():
        if find_project() != place:
            return open_catalog()
        local = sorted((place / "conf/local").iterdir())
        files = tuple((path.name, path.read_text()) for path in local)
        configuration = (environment(), files, families.ENTRIES)  # a test may add a family
        if configuration not in opened:
            opened[configuration] = open_catalog()
        return opened[configuration]

    monkeypatch.setattr(fitting, "_open_catalog", open_once)
    return place


def work_in(project, models, monkeypatch):
    """Let the handler work in a project."""
    monkeypatch.setenv("PUSH_PROPENSITY_PROJECT", str(project))
    monkeypatch.setenv("PUSH_PROPENSITY_MODELS", str(models))
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))  # Kedro adds to both
    monkeypatch.delenv("KEDRO_ENV", raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))


@pytest.fixture
def models(project, tmp_path):
    return tmp_path / "models"


@pytest.fixture
def trainings(monkeypatch):
    """The candidates that were trained, in order."""
    trained, fit_model = [], training.fit_model

    def count(*arguments):
        trained.append(arguments[1].family)
        return fit_model(*arguments)

    monkeypatch.setattr(training, "fit_model", count)
    return trained


@pytest.fixture
def fit(project, models, tmp_path, caplog):
    """Ask for a fit: status and body, once they keep the rules that hold for every answer."""
    from push_propensity.handler import handler_fit

    caplog.set_level("INFO")
    for name in ("fsspec", "kedro", "push_propensity"):
        caplog.set_level("DEBUG", name)

    def ask(event, context=None):
        caplog.clear()
        answer = handler_fit(event, context)
        status, body = read_answer(answer)
        lines = [record.getMessage() for record in caplog.records]
        for text in (answer["body"], *lines):
            assert "Traceback" not in text
            assert str(tmp_path) not in text
            assert str(project) not in text
            assert str(ROOT) not in text
        assert "rejected" not in body
        return status, body

    return ask


def published(models):
    """Every file below the models root, what other processes look at aside."""
    hidden = {".lock", ".fits"}
    files = (path for path in models.rglob("*") if path.is_file() and path.name not in hidden)
    return {str(path.relative_to(models)): path.read_bytes() for path in files}
