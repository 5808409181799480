"""Where nothing was selected yet: a named candidate is trained; others are told that it is so."""

import pytest
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

from push_propensity.cli import cli
from push_propensity.datasets.winner_dataset import WinnerDataset
from push_propensity.errors import DataError
from push_propensity.scoring.bundle import newest_name, read_bundle


@pytest.fixture
def kedro(project, monkeypatch):
    bootstrap_project(project)
    monkeypatch.chdir(project)
    return lambda *arguments: CliRunner().invoke(cli, ["run", *arguments])


def test_the_command_trains_a_named_candidate(kedro, project):
    named = ("--params", "training_options.candidate=logistic_l2")
    assert kedro("--pipelines", "data_processing,training", *named).exit_code == 0
    models = project / "data/06_models"
    assert read_bundle(models / newest_name(models)).manifest.candidate == "logistic_l2"


def test_a_winner_that_is_not_there_and_one_that_is(tmp_path):
    dataset = WinnerDataset(filepath=str(tmp_path / "winner.json"))
    missing = dataset.load()
    assert missing == {}
    with pytest.raises(DataError, match=r"No candidate was selected yet.*model_selection"):
        missing["candidate"]
    dataset.save({"candidate": "xgboost", "parameters": {"max_depth": 3}})
    assert dataset.load() == {"candidate": "xgboost", "parameters": {"max_depth": 3}}


def test_a_damaged_winner_is_not_taken_for_none(tmp_path):
    (tmp_path / "winner.json").write_text('{"candidate": ')
    with pytest.raises(Exception, match="Failed while loading data"):
        WinnerDataset(filepath=str(tmp_path / "winner.json")).load()
