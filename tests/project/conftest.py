"""The project as Kedro sees it."""

import pytest
from kedro.framework.project import pipelines
from kedro.framework.startup import bootstrap_project

from tests.project.environments import ENVIRONMENTS, ROOT, open_environment


@pytest.fixture(scope="session")
def registered():
    """The registered pipelines by name, without `__default__`, which is made of others."""
    bootstrap_project(ROOT)
    return {name: pipeline for name, pipeline in pipelines.items() if name != "__default__"}


@pytest.fixture(scope="session")
def environments(registered):
    return {name: open_environment(name) for name in ENVIRONMENTS}


@pytest.fixture(params=ENVIRONMENTS)
def environment(request, environments):
    return environments[request.param]
