"""Where nothing was selected yet, a named candidate is trained."""

import pytest
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

from push_propensity.cli import cli
from push_propensity.scoring.bundle import newest_name, read_bundle


@pytest.fixture
def kedro(project, monkeypatch):
    bootstrap_project(project)
    monkeypatch.chdir(project)
    return lambda *arguments: CliRunner().invoke(cli, ["run", *arguments])


@pytest.mark.slow
def test_the_command_trains_a_named_candidate(kedro, project):
    named = ("--params", "training_options.candidate=logistic_l2")
    assert kedro("--pipelines", "data_processing,training", *named).exit_code == 0
    models = project / "data/06_models"
    assert read_bundle(models / newest_name(models)).manifest.candidate == "logistic_l2"
