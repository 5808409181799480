"""What holds for every pipeline, node, parameter and dataset in every environment."""

import graphlib
import inspect
import itertools
from pathlib import Path
from typing import get_type_hints

import pytest
from kedro.framework.project import pipelines
from kedro.pipeline import Pipeline
from pydantic import BaseModel

from push_propensity.handler.places import models_root
from push_propensity.hooks import STARTS
from push_propensity.models.candidates import Candidates
from push_propensity.pipeline_registry import FROM_FEATURE_FRAME, PLAIN_RUNS, register_pipelines
from push_propensity.pipelines.feature_engineering.pipeline import TABLES
from tests.project.environments import ROOT, is_parameter

MAY_BE_ABSENT = ("current_frame@pandas", "lag_metrics", "intake_report")
WRITERS_OF_RAW_DATA = {"sample_data", "sample_frame"}


def argument_types(node):
    """The annotated type of each dataset that a node reads, None where there is none."""
    hints = get_type_hints(node.func)
    arguments = list(inspect.signature(node.func).parameters)
    if isinstance(node._inputs, dict):
        return {name: hints.get(argument) for argument, name in node._inputs.items()}
    last = len(arguments) - 1  # any number of datasets may go to *arguments
    return {
        name: hints.get(arguments[min(position, last)]) for position, name in enumerate(node.inputs)
    }


def parameter_types(nodes):
    return [
        (name, kind)
        for node in nodes
        for name, kind in argument_types(node).items()
        if is_parameter(name)
    ]


def written_paths(environment, registered):
    """Pipeline, dataset and path of every file that a run writes.

    Not the raw tables of an environment that has its own: a hook keeps ingestion from replacing
    them, which tests/project/test_hooks.py shows.
    """
    kept = set() if environment.start_from == "order_lines" else set(TABLES)
    for pipeline_name, pipeline in registered.items():
        for name in sorted(pipeline.all_outputs() - kept):
            path = environment.path(name) if name in environment.catalog else None
            if path is not None:
                yield pipeline_name, name, path


def crossing_datasets(registered):
    """The datasets that one pipeline writes and another one reads."""
    return {
        name
        for writer, reader in itertools.permutations(registered.values(), 2)
        for name in writer.all_outputs() & reader.inputs()
    }


def layers_before(environment, pipeline, name):
    """The layers of the nearest datasets upstream that have one."""
    makers = [node for node in pipeline.nodes if name in node.outputs]
    layers = set()
    for source in itertools.chain.from_iterable(node.inputs for node in makers):
        layer = environment.layer(source)
        layers |= {layer} if layer else layers_before(environment, pipeline, source)
    return layers


@pytest.fixture(scope="module")
def nodes(registered):
    """Every node once: pipelines may share one."""
    return list({node: None for pipeline in registered.values() for node in pipeline.nodes})


# ------------------------------------------------------------------ pipelines and nodes


def test_every_pipeline_of_the_package_is_registered(registered):
    folders = (ROOT / "src/push_propensity/pipelines").glob("*/pipeline.py")
    assert set(registered) == {folder.parent.name for folder in folders}
    assert all(pipeline.nodes for pipeline in registered.values())


@pytest.mark.parametrize(
    ("plain", "read"),
    [
        (
            "__default__",
            {"feature_frame@pandas", *MAY_BE_ABSENT},
        ),
        ("from_raw_tables", {*TABLES, *MAY_BE_ABSENT} - {"lag_metrics"}),
        (
            "from_order_lines",
            {"order_lines", "products", "unparsed_lines", "previous_lines"}
            | {"users", "regulars", "abandoned_carts", "current_frame@pandas"},
        ),
    ],
)
def test_a_plain_run_does_the_main_job_from_where_it_starts(registered, plain, read):
    parts = [registered[name] for name in PLAIN_RUNS[plain]]
    assert set(PLAIN_RUNS[plain]) >= set(FROM_FEATURE_FRAME)
    assert set(pipelines[plain].nodes) == {node for part in parts for node in part.nodes}
    found = {name for name in pipelines[plain].inputs() if not is_parameter(name)}
    assert found == read | {"studies"}


def test_a_pipeline_that_there_is_not():
    assert "no_such_pipeline" not in pipelines
    assert set(register_pipelines()) == set(pipelines)


def test_every_plain_run_is_chosen_by_a_word(registered):
    assert set(STARTS.values()) == set(PLAIN_RUNS)


@pytest.mark.parametrize(
    ("chosen", "order"),
    [
        (["data_processing", "feature_engineering"], ["build_feature_frame", "filter_frame"]),
        (["data_processing", "feature_update"], ["extend_feature_frame", "filter_frame"]),
        (["feature_update", "ingestion"], ["make_orders", "extend_feature_frame"]),
        (["current_frame", "ingestion"], ["make_prices", "read_raw_tables"]),
        (["point_in_time_check", "ingestion"], ["make_orders", "check_point_in_time"]),
        (["reporting", "lag_study"], ["study_lags", "select_lags"]),
        (["reporting", "current_frame"], ["build_current_frame", "take_current_frame"]),
    ],
)
def test_kedro_knows_what_makes_files_and_what_reads_them(registered, chosen, order):
    pipeline = sum((registered[name] for name in chosen), start=Pipeline([]))
    maker, reader = order
    assert reader in {node.name for node in pipeline.from_nodes(maker).nodes}


@pytest.mark.parametrize("plain", ["from_raw_tables", "from_order_lines"])
def test_lags_are_measured_before_they_are_reported(registered, plain):
    later = pipelines[plain].from_nodes("study_lags").nodes
    assert {"select_lags", "render_report"} <= {node.name for node in later}


def test_the_handler_runs_the_registered_pipelines(registered):
    from push_propensity.handler import fit, predict

    assert predict._pipeline().nodes == registered["inference"].nodes
    for name, made in zip(("data_processing", "training"), fit._make_pipelines(), strict=True):
        assert made.nodes == registered[name].nodes


def test_a_node_is_called_as_its_function(nodes):
    shared = {"score_test": "score_entries", "score_calibration": "score_entries"}
    for node in nodes:
        name = node.name.removeprefix(f"{node.namespace}.")
        assert shared.get(name, name) == node.func.__name__


def test_a_node_s_function_is_beside_its_pipeline_or_in_the_domain(registered):
    for node in {node for pipeline in registered.values() for node in pipeline.nodes}:
        module = node.func.__module__
        assert module.startswith("push_propensity."), node.name
        if ".pipelines." in module:
            holders = [name for name, pipeline in registered.items() if node in pipeline.nodes]
            assert module in {f"push_propensity.pipelines.{name}.nodes" for name in holders}
        assert inspect.getdoc(node.func), node.name


def test_nodes_annotate_all_arguments_and_results(nodes):
    for node in nodes:
        expected = {"return", *inspect.signature(node.func).parameters}
        assert set(get_type_hints(node.func)) == expected, node.name


def test_every_dataset_is_made_by_one_node_but_the_frame_that_an_update_replaces(nodes):
    outputs = [name for node in nodes for name in node.outputs]
    outputs.remove("feature_frame@ibis")
    assert len(outputs) == len(set(outputs))


# ------------------------------------------------------------------ parameters


def test_parameters_are_frozen_models_of_the_domain_that_refuse_unknown_keys(nodes):
    types = set(parameter_types(nodes))
    others = {("params:environment", str), ("params:candidates", Candidates)}
    assert others <= types  # the second holds such models by name
    for name, kind in types - others:
        assert isinstance(kind, type), name
        assert issubclass(kind, BaseModel), name
        assert kind.model_config.get("frozen"), name
        assert kind.model_config.get("extra") == "forbid", name
        assert kind.__module__.startswith("push_propensity."), name
        assert ".pipelines." not in kind.__module__, name


def test_a_parameter_has_one_type(nodes):
    types = {}
    for name, kind in parameter_types(nodes):
        assert types.setdefault(name, kind) is kind, name


def test_the_parameters_of_every_environment_are_valid(environment, nodes):
    for name, kind in parameter_types(nodes):
        assert isinstance(environment.catalog.load(name), kind), name


def test_every_parameter_is_read(environment, nodes):
    read = {name.removeprefix("params:").split(".")[0] for name, _ in parameter_types(nodes)}
    assert set(environment.parameters) == read


# ------------------------------------------------------------------ datasets


def test_what_a_pipeline_reads_is_in_the_catalog(environment, registered):
    for name, pipeline in registered.items():
        assert not {read for read in pipeline.inputs() if read not in environment.catalog}, name


def test_what_crosses_a_pipeline_is_in_the_catalog_and_outlives_the_run(environment, registered):
    crossing = crossing_datasets(registered)
    assert {"folds", "winner", "leaderboard"} & crossing
    for name in crossing:
        assert name in environment.catalog, name
        assert environment.path(name) is not None, name


def test_every_entry_of_the_catalog_belongs_to_a_pipeline(environment, nodes):
    known = {name for node in nodes for name in (*node.inputs, *node.outputs)}
    assert {name for name in environment.catalog if not is_parameter(name)} <= known


def test_an_environment_writes_below_its_own_root_alone(environment, registered):
    root = (
        Path("data") if environment.name == "base" else Path("data/environments", environment.name)
    )
    assert environment.output_root == root
    for _, name, path in written_paths(environment, registered):
        assert path.is_relative_to(root), name
        assert environment.name != "base" or not path.is_relative_to("data/environments"), name


def test_no_two_datasets_are_written_to_one_path(environments, registered):
    writers = {}
    for environment in environments.values():
        for _, name, path in written_paths(environment, registered):
            writer = environment.name, name
            assert writers.setdefault(path, writer) == writer, path


def test_an_update_replaces_the_frame_that_it_reads(environment):
    path = environment.path("feature_frame_so_far")
    assert path == environment.path("feature_frame@ibis")


def test_a_frame_is_read_where_it_was_built(environment):
    same = environment.path("feature_frame@ibis") == environment.path("feature_frame@pandas")
    assert same == (environment.start_from != "feature_frame")


def test_only_the_simulation_writes_raw_data(environment, registered):
    for pipeline, name, path in written_paths(environment, registered):
        assert "01_raw" not in path.parts or pipeline in WRITERS_OF_RAW_DATA, name


def test_handlers_look_for_models_where_runs_publish(environment, monkeypatch):
    monkeypatch.setenv("PUSH_PROPENSITY_PROJECT", str(ROOT))
    monkeypatch.delenv("PUSH_PROPENSITY_MODELS", raising=False)
    monkeypatch.setenv("KEDRO_ENV", environment.name)
    assert models_root().relative_to(ROOT) == environment.path("model_bundle")


def test_a_model_s_manifest_names_the_environment(environment):
    assert environment.catalog.load("params:environment") == environment.name


def test_the_feature_frame_is_validated_in_every_environment(environment):
    entry = environment.entry("feature_frame@pandas")
    assert entry["validator"]["class"] == "push_propensity.frame.contract.check_feature_frame"


def test_kedro_viz_shows_no_users_in_previews(environment):
    for name in ("feature_frame@pandas", "train", "validation", "calibration", "test"):
        entry = environment.entry(name)
        assert entry["metadata"]["kedro-viz"]["preview"] is False, name


def test_the_layers_of_the_flowchart_have_no_cycle(environment, registered):
    """Kedro-Viz would show no layer at all."""
    for shown in (*registered.values(), *(pipelines[name] for name in PLAIN_RUNS)):
        before = {}
        for name in shown.datasets():
            if layer := environment.layer(name):
                before.setdefault(layer, set()).update(layers_before(environment, shown, name))
        graph = {layer: others - {layer} for layer, others in before.items()}
        assert list(graphlib.TopologicalSorter(graph).static_order())
