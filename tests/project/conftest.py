"""The project as Kedro sees it."""

import pytest
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project

from push_propensity.pipeline_registry import PLAIN_RUNS
from tests.project.environments import ENVIRONMENTS, ROOT, open_environment
from tests.project.small_run import copy_project, run


@pytest.fixture(scope="session")
def registered():
    """The registered pipelines by name, without those of plain runs, which are made of others."""
    bootstrap_project(ROOT)
    return {name: pipeline for name, pipeline in pipelines.items() if name not in PLAIN_RUNS}


@pytest.fixture(scope="session")
def environments(registered):
    return {name: open_environment(name) for name in ENVIRONMENTS}


@pytest.fixture(params=ENVIRONMENTS)
def environment(request, environments):
    return environments[request.param]


@pytest.fixture(scope="session")
def plain_run(tmp_path_factory):
    """A copy of the project after a plain `kedro run`, and what the run showed."""
    project = tmp_path_factory.mktemp("plain_run") / "project"
    copy_project(project)
    return project, run(project)


@pytest.fixture(scope="session")
def finished_project(plain_run):
    """A copy of the project with the results of a plain `kedro run`."""
    project, ran = plain_run
    assert ran.returncode == 0, ran.stdout[-2_000:] + ran.stderr[-2_000:]
    return project
