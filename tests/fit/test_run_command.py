"""`kedro run` in a project: what it shows, and what goes wrong on one screen."""

import io
import logging
import sys
from typing import ClassVar

import click
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from kedro.config import MissingConfigException
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.startup import bootstrap_project
from kedro.io import DatasetError, MemoryDataset
from kedro_datasets.pandas import CSVDataset
from rich.console import Console
from yaml import YAMLError

from push_propensity.__main__ import main
from push_propensity.cli import cli, errors_on_one_screen
from push_propensity.errors import DataError, ParameterError
from push_propensity.evaluation.metrics import HEADLINE
from push_propensity.handler import handler_fit
from push_propensity.hooks import check_former_names, show_results
from push_propensity.reports.leaderboard import SHOWN, draw_leaderboard
from push_propensity.scoring.bundle import newest_name, read_bundle
from tests.fit.conftest import frame_file
from tests.predict.answers import read_answer

SMALL_SWEEPS = """
folds: {n_windows: 2}
candidates:
  logistic_l2: {sweep: {C: [0.01, 1.0]}}
  logistic_elastic_net: {sweep: {C: [0.01], l1_ratio: [0.5]}}
  xgboost:
    threads: 1
    search: {early_stopping_rounds: 3, n_trials: 2}
    parameters: {n_estimators: 12}
training_options: {resamples: 10, parity_rows: 500}
"""


def leaderboard():
    rows = {"candidate": ["constant", "xgboost"], "is_winner": [False, True]}
    rows |= {name: [0.25, 0.375] for name in SHOWN}
    rows |= {HEADLINE: [0.9, 0.8125], f"{HEADLINE}_standard_error": [0.02, 0.03]}
    return pd.DataFrame(rows)


@pytest.fixture
def kedro(project, monkeypatch):
    """Run the command in the project: exit status and output."""
    (project / "conf/local/parameters.yml").write_text(SMALL_SWEEPS)
    bootstrap_project(project)
    monkeypatch.chdir(project)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments):
        result = CliRunner().invoke(cli, ["run", *arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert "Traceback" not in result.output
        return result.exit_code, result.output

    return run


@pytest.mark.slow
class TestRun:
    def test_selection_then_training_of_the_winner_and_of_another(self, kedro, project):
        status, output = kedro("--pipelines", "data_processing,model_selection")
        assert status == 0
        assert "Leaderboard" in output
        for name in ("constant", "logistic_l2", "logistic_elastic_net", "xgboost"):
            assert name in output
        board = pd.read_csv(project / "data/06_models/selection/leaderboard.csv")
        assert f"{board[HEADLINE].max():.3f}" in output

        models = project / "data/06_models"
        assert kedro("--pipelines", "training")[0] == 0
        winner = board.loc[board["is_winner"], "candidate"].item()
        assert read_bundle(models / newest_name(models)).manifest.candidate == winner

        other = next(name for name in ("logistic_l2", "xgboost") if name != winner)
        status, output = kedro(
            "--pipelines", "training", "--params", f"training_options.candidate={other}"
        )
        assert status == 0
        assert f"Published: {newest_name(models)}, now the latest ({other}: " in output
        assert read_bundle(models / newest_name(models)).manifest.candidate == other

        status, output = kedro(
            "--pipelines", "training", "--params", "training_options.candidate=x"
        )
        assert status == 1
        assert "Error: There is no such candidate. Allowed candidates: logistic_l2" in output

    def test_a_candidate_that_is_named_needs_no_winner(self, kedro, project):
        assert kedro("--pipelines", "data_processing")[0] == 0
        named = ("--params", "training_options.candidate=logistic_l2")
        for refused in (("training",), ("training,reporting", *named), ("feature_study", *named)):
            status, output = kedro("--pipelines", *refused)
            assert status == 1
            assert "No winner has been chosen yet. Run model_selection first" in output
        assert not list((project / "data").glob("06_models/push_*"))
        status, output = kedro("--pipelines", "training", *named)
        assert status == 0
        models = project / "data/06_models"
        assert read_bundle(models / newest_name(models)).manifest.candidate == "logistic_l2"
        assert not (models / "selection/winner.json").exists()

    def test_a_missing_file_is_named(self, kedro, project):
        frame_file(project).unlink()
        status, output = kedro("--pipelines", "data_processing")
        assert status == 1
        assert "Cannot read data/01_raw/feature_frame_20210304.csv: there is no such" in output
        assert len([line for line in output.splitlines() if line.startswith("Error")]) == 1

    def test_an_unusable_file_is_explained(self, kedro, project):
        frame_file(project).write_text("a,b\n1,2\n")
        status, output = kedro("--pipelines", "data_processing")
        assert status == 1
        assert "27 columns" in output

    @pytest.mark.parametrize("option", ["--pipelines", "--pipeline"])
    def test_an_unknown_pipeline(self, kedro, option):
        status, output = kedro(option, "typo")
        assert status == 2
        assert "no pipeline is called typo" in output
        assert "model_selection" in output

    def test_an_unknown_parameter(self, kedro):
        status, output = kedro("--params", "minimum_items=8")
        assert status == 2
        assert "no parameter is called minimum_items" in output
        assert "split" in output

    @pytest.mark.parametrize("kind", ["parameters", "globals"])
    def test_a_name_in_a_file_that_nothing_reads(self, kedro, project, kind):
        (project / f"conf/local/{kind}.yml").write_text("raw_rot: {a: 1}\n")
        status, output = kedro("--pipelines", "data_processing")
        assert status == 1
        said = " ".join(output.split())
        assert f"{kind}.yml of the environment or of conf/local sets raw_rot, which nothing" in said
        assert "There are:" in said

    def test_an_unknown_environment(self, kedro):
        status, output = kedro("--env", "typo")
        assert status == 1
        assert "Give --env one of the folders of conf/" in output

    def test_a_parameter_of_a_candidate(self, kedro):
        option = "candidates.xgboost.parameters.max_depth=-1"
        status, output = kedro("--pipelines", "model_selection", "--params", option)
        assert status == 1
        assert "max_depth: Input should be greater than or equal to 1" in output


@pytest.mark.slow
class TestWhatRuns:
    @pytest.fixture
    def runs(self, monkeypatch):
        """What Kedro is asked to run; nothing is run."""
        asked = []

        def record(**arguments):
            asked.append((arguments["env"], arguments["pipelines"]))
            return {}

        command = click.Command("run", callback=record, params=kedro_run.params)
        monkeypatch.setattr("push_propensity.cli.kedro_run", command)
        return asked

    @pytest.mark.parametrize(
        ("env", "pipeline"),
        [
            (None, "__default__"),
            ("box_builder_frame", "__default__"),
            ("box_builder", "from_raw_tables"),
            ("online_retail", "from_order_lines"),
        ],
    )
    def test_a_plain_run_is_one_run_from_where_the_environment_starts(
        self, kedro, runs, env, pipeline
    ):
        assert kedro(*(["--env", env] if env else []))[0] == 0
        assert runs == [(env, [pipeline])]

    def test_a_run_may_start_elsewhere(self, kedro, runs):
        assert kedro("--params", "start_from=raw_tables,engine=spark")[0] == 0
        assert runs == [(None, ["from_raw_tables"])]

    @pytest.mark.parametrize("asked", [(), ("--pipelines", "training")])
    @pytest.mark.parametrize("given", ["globals", "params"])
    def test_an_unknown_start_is_named(self, kedro, runs, project, asked, given):
        if given == "globals":
            (project / "conf/local/globals.yml").write_text("start_from: nowhere")
        else:
            asked = (*asked, "--params", "start_from=nowhere")
        status, output = kedro(*asked)
        assert status == 1
        assert "start_from is nowhere. Set it to one of feature_frame, raw_tables, or" in output
        assert runs == []

    def test_a_start_given_for_the_run_overrules_a_wrong_one(self, kedro, runs, project):
        (project / "conf/local/globals.yml").write_text("start_from: nowhere")
        assert kedro("--params", "start_from=order_lines")[0] == 0
        assert runs == [(None, ["from_order_lines"])]

    def test_an_unknown_engine_is_told_those_that_there_are(self, kedro):
        status, output = kedro("--pipelines", "training", "--params", "engine=nonsense")
        assert status == 1
        assert "'_engines.nonsense' not found. There are: duckdb, spark." in output

    def test_only_what_is_asked_for(self, kedro, runs):
        assert kedro("--env", "box_builder", "--pipelines", "training")[0] == 0
        assert kedro("--pipeline", "training")[0] == 0
        assert runs == [("box_builder", ["training"]), (None, ["training"])]

    def test_a_part_of_a_plain_run(self, kedro, runs):
        assert kedro("--env", "box_builder", "--to-nodes", "build_feature_frame")[0] == 0
        assert runs == [("box_builder", ["from_raw_tables"])]


MISTAKES = {
    "a tag": (("--tags", "training"), "contains no nodes after applying all provided filters"),
    "a node": (
        ("--from-nodes", "sore_test"),
        "nodes named ['sore_test']. Did you mean score_test",
    ),
    "a dataset": (("--to-outputs", "reprot"), "Did you mean report"),
    "a namespace": (("--namespaces", "xgbost"), "namespaces: ['xgbost']"),
    "two that make the same": (
        ("--pipelines", "feature_engineering,feature_update"),
        "['feature_frame'] are returned by more than one nodes",
    ),
    "a runner": (("--runner", "Paralel"), "Paralel is not a runner. There are: SequentialRunner"),
    "a runner of a module": (("--runner", "no.such.Runner"), "no.such.Runner is not a runner"),
    "other processes": (("--runner", "ParallelRunner"), "cannot go from process to process"),
    "from the middle": (("--from-nodes", "train_model"), "model_features, specification"),
    "an offset": (
        ("--pipelines", "current_frame", "--params", "current.as_of=2021-03-03T08:00:00+01:00"),
        "write the shop's local time without one",
    ),
}
SLIPS = {  # a file of conf/local and what is in it
    "a name that does not exist": (
        "catalog",
        "train: {type: MemoryDataset, metadata: '${globals:output_rot}'}",
        "The configuration cannot be read, at train.metadata: Globals key 'output_rot' not found",
    ),
    "a key in two files": (
        "parameters_more",
        "training_options: {resamples: 20}",
        ".yml: training_options.resamples. Keep one.",
    ),
    "a variable that is not set": (
        "credentials",
        "shop: {password: '${oc.env:NO_SUCH_PASSWORD}'}",
        "Environment variable 'NO_SUCH_PASSWORD' not found",
    ),
    "credentials that are not there": (
        "catalog",
        "order_lines: {type: ibis.TableDataset, table_name: lines, credentials: shop}",
        "Unable to find credentials 'shop'. Add them to credentials.yml",
    ),
}


@pytest.mark.slow
class TestMistakes:
    def says_once(self, output, said):
        text = " ".join(output.split())
        assert len([line for line in output.splitlines() if line.startswith("Error")]) == 1
        assert len(output.splitlines()) < 25
        assert said in text

    @pytest.mark.parametrize("mistake", MISTAKES)
    def test_a_choice_that_cannot_be_made_is_one_message(self, kedro, mistake):
        chosen, said = MISTAKES[mistake]
        status, output = kedro(*chosen)
        assert status in {1, 2}
        self.says_once(output, said)

    @pytest.mark.parametrize("slip", SLIPS)
    def test_a_slip_in_a_file_is_one_message(self, kedro, project, slip):
        file, text, said = SLIPS[slip]
        (project / f"conf/local/{file}.yml").write_text(text)
        status, output = kedro("--pipelines", "data_processing")
        assert status == 1
        self.says_once(output, said)
        assert str(project) not in output

    def test_a_fit_says_so_too(self, kedro, project):
        file, text, said = SLIPS["a variable that is not set"]
        (project / f"conf/local/{file}.yml").write_text(text)
        status, body = read_answer(handler_fit({}, None))
        assert (status, body["error"]["code"]) == ("400", "BAD_PARAMETER")
        assert said in body["error"]["message"]

    def test_kedro_does_not_advise_to_repeat_what_failed_at_its_first_step(self, kedro, project):
        for frame in (project / "data/01_raw").glob("feature_frame*.csv"):
            frame.unlink()
        shown, runner = [], logging.getLogger("kedro.runner.sequential_runner")
        listener = logging.Handler()
        listener.emit = lambda record: shown.append(record.getMessage())
        runner.addHandler(listener)
        try:
            status, _ = kedro("--pipelines", "data_processing")
        finally:
            runner.removeHandler(listener)
        assert status == 1
        assert not any("Repeat the previous command" in said for said in shown)
        assert runner.filter(logging.makeLogRecord({"msg": "There are 3 nodes that have not run."}))

    def test_outside_of_a_project(self, kedro, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        status, output = kedro()
        assert status == 1
        assert "There is no project here, as there is no folder conf/base. Go to the" in output
        assert "--env" not in output

    def test_threads_give_the_same(self, kedro, project):
        parts = project / "data/05_model_input"
        assert kedro("--pipelines", "data_processing")[0] == 0
        before = {path.name: path.read_bytes() for path in parts.iterdir()}
        assert kedro("--pipelines", "data_processing", "--runner", "ThreadRunner")[0] == 0
        assert {path.name: path.read_bytes() for path in parts.iterdir()} == before


class TestWhatIsShown:
    @pytest.fixture
    def shown(self, tmp_path, monkeypatch, capsys):
        """Show the results of a run, of which only the names differ."""
        monkeypatch.chdir(tmp_path)
        leaderboard().to_csv("leaderboard.csv", index=False)
        catalog = {"leaderboard": CSVDataset(filepath=str(tmp_path / "leaderboard.csv"))}
        written = CSVDataset(filepath=str(tmp_path / "report.html"))

        def show(*names):
            show_results(dict.fromkeys(names, written), catalog)
            return capsys.readouterr().out

        return show

    def test_the_leaderboard_and_the_report_at_the_end(self, shown):
        output = shown("report", "test_threshold_sweep")
        assert "0.812 ± 0.030" in output
        assert output.rstrip().endswith("Report: report.html")

    def test_a_study_ends_with_its_page_alone(self, shown):
        output = shown("feature_study_page", "feature_ablation_figure")
        assert output.strip() == "Feature study: report.html"

    @pytest.mark.parametrize(
        ("counts", "said"),
        [
            ({}, "not counted, the model's bundle has no ranges"),
            ({"count_pets": 0}, "none"),
            (
                {"count_pets": 0, "count_adults": 4, "count_babies": 1},
                "5 (count_adults 4, count_babies 1)",
            ),
        ],
    )
    def test_how_many_numbers_lie_beyond_training(self, capsys, counts, said):
        show_results({"beyond_training": MemoryDataset(counts)}, {})
        assert capsys.readouterr().out == f"Numbers beyond training: {said}\n"

    def test_nothing_of_a_run_that_ends_in_the_middle(self, shown):
        assert shown("train", "folds") == ""


def test_the_entry_point_is_the_same_command(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["push-propensity", "--pipelines", "typo"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "no pipeline is called typo" in capsys.readouterr().err


class TestErrors:
    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (DataError("no rows"), "^no rows$"),
            (ParameterError("no such candidate"), "^no such candidate$"),
            (MissingConfigException("/secret/path"), "^There is no configuration for this env"),
        ],
    )
    def test_what_a_user_can_mend_is_one_message(self, error, expected):
        with pytest.raises(click.ClickException, match=expected), errors_on_one_screen():
            raise error

    def test_a_file_that_cannot_be_read(self):
        error = DatasetError("Failed while loading data")
        error.__cause__ = FileNotFoundError()
        with pytest.raises(click.ClickException, match="no such file"), errors_on_one_screen():
            raise error

    @pytest.mark.parametrize(
        ("error", "expected"),
        [
            (DatasetError("no dataset type is called ParqetDataset"), "^no dataset type is called"),
            (YAMLError("line 2 is indented"), "^The configuration cannot be read. line 2"),
        ],
    )
    def test_a_slip_in_the_configuration(self, error, expected):
        with pytest.raises(click.ClickException, match=expected), errors_on_one_screen():
            raise error

    def test_anything_else_keeps_its_traceback(self):
        with pytest.raises(ValueError, match="a bug"), errors_on_one_screen():
            raise ValueError("a bug")


class TestLeaderboard:
    def draw(self, board):
        console = Console(file=io.StringIO(), width=100, force_terminal=False)
        console.print(draw_leaderboard(board))
        return console.file.getvalue()

    def test_every_entry_with_its_numbers_in_order(self):
        text = self.draw(leaderboard())
        assert text.index("constant") < text.index("xgboost")
        assert "0.900 ± 0.020" in text
        assert "0.812 ± 0.030" in text
        assert text.count("0.375") == len(SHOWN)
        assert max(map(len, text.splitlines())) <= 80

    def test_only_the_winner_is_bold(self):
        table = draw_leaderboard(leaderboard())
        assert [row.style for row in table.rows] == ["", "bold"]

    def test_one_fold_has_no_error(self):
        board = leaderboard().assign(**{f"{HEADLINE}_standard_error": np.nan})
        text = self.draw(board)
        assert "±" not in text
        assert "nan" not in text


@pytest.mark.slow
class TestFiles:
    """A run goes on with what it makes, and replaces nothing that it does not make."""

    def refuse(self, kedro, project, *arguments):
        before = sorted(path for path in project.rglob("*") if path.is_file())
        status, output = kedro(*arguments)
        assert status == 1
        assert sorted(path for path in project.rglob("*") if path.is_file()) == before
        return output

    def test_ingestion_keeps_raw_tables_that_are_not_its_own(self, kedro, project):
        output = self.refuse(kedro, project, "--pipelines", "ingestion")
        assert "would replace those that this environment has" in output
        assert "start_from: order_lines" in output

    def test_a_frame_that_is_built_is_the_one_that_is_read(self, kedro, project):
        output = self.refuse(kedro, project, "--pipelines", "from_raw_tables")
        assert "would go on with another one" in output
        assert "start_from: raw_tables" in output

    def test_an_entry_of_one_s_own_for_the_frame(self, kedro, project):
        (project / "conf/local/globals.yml").write_text("start_from: raw_tables")
        (project / "conf/local/catalog.yml").write_text(
            "feature_frame@pandas: {type: pandas.CSVDataset, filepath: data/other.csv}"
        )
        output = self.refuse(kedro, project)
        assert "an entry feature_frame@pandas of your own has to go" in output


FORMER = {
    "catalog": ("feature_frame: {type: MemoryDataset}", "feature_frame of catalog.yml is now"),
    "catalog_more": ("built_feature_frame: {type: MemoryDataset}", "is now feature_frame@ibis"),
    "catalog_raw": ("ingested_orders: {type: MemoryDataset}", "ingested_orders of catalog.yml is"),
    "parameters": ("start_from: raw_tables", "start_from of parameters.yml now belongs into"),
}


@pytest.mark.slow
@pytest.mark.parametrize("file", FORMER)
def test_names_of_an_earlier_version_are_told_the_new_ones(kedro, project, file):
    text, said = FORMER[file]
    (project / f"conf/local/{file}.yml").write_text(text)
    status, output = kedro("--pipelines", "data_processing")
    assert status == 1
    assert said in " ".join(output.split())
    assert "names of an earlier version" in output
    status, body = read_answer(handler_fit({}, None))
    assert (status, body["error"]["code"]) == ("400", "BAD_PARAMETER")
    assert said in body["error"]["message"]


def test_a_candidate_s_former_parameters():
    config = {"catalog": {}, "parameters": {"candidates": {}, "xgboost": {"candidate": {}}}}
    with pytest.raises(ParameterError, match=r"is now candidates: \{xgboost: …\}"):
        check_former_names(Configuration(config))


def test_a_candidate_s_former_options():
    config = {"catalog": {}, "parameters": {"candidates": {"xgboost": {"n_trials": 4}}}}
    with pytest.raises(ParameterError, match=r"n_trials is now candidates\.xgboost\.search\.n_tr"):
        check_former_names(Configuration(config))


@pytest.mark.parametrize("candidates", [None, {"xgboost": None}, []])
def test_what_is_no_entry_is_left_to_the_check_of_parameters(candidates):
    check_former_names(Configuration({"catalog": {}, "parameters": {"candidates": candidates}}))


class Configuration(dict):
    runtime_params: ClassVar[dict] = {}
