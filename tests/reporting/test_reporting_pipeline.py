from pathlib import Path

import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog

from push_propensity.evaluation.options import ReportOptions
from push_propensity.pipelines.reporting import create_pipeline

CONF = Path(__file__).parents[2] / "conf"
HANDED_ON = {"test_resamples", "users_of_today"}  # in memory, so in no file


@pytest.fixture(scope="module")
def loader():
    return OmegaConfigLoader(str(CONF), base_env="base", default_run_env="local")


def test_nodes_are_named_after_their_functions():
    nodes = create_pipeline().nodes
    shared = {"score_test": "score_entries", "score_calibration": "score_entries"}
    assert all(shared.get(node.name, node.name) == node.func.__name__ for node in nodes)
    assert len({node.name for node in nodes}) == len(nodes)


def test_every_result_is_in_the_catalog(loader):
    catalog = DataCatalog.from_config(loader["catalog"])
    made = create_pipeline().all_outputs() - {"test_resamples"}
    assert {name for name in made if name not in catalog} == set()


def test_every_result_lies_below_the_output_root(loader):
    entries = loader["catalog"]
    for name in create_pipeline().all_outputs() - HANDED_ON:
        entry = entries.get(name) or entries["{name}_figure"]
        assert entry["filepath"].startswith(f"{loader['globals']['output_root']}/")
        assert entry["metadata"]["kedro-viz"]["layer"] in {"model_output", "reporting"}


def test_scores_of_users_get_no_preview(loader):
    for name in ("test_scores", "calibration_scores"):
        assert loader["catalog"][name]["metadata"]["kedro-viz"]["preview"] is False


def test_the_parameters_are_options_of_the_report(loader):
    options = ReportOptions(**loader["parameters"]["report_options"])
    assert options.seed == loader["globals"]["seed"]


def test_every_environment_names_its_own_data():
    named = [
        OmegaConfigLoader(
            str(CONF),
            base_env="base",
            default_run_env="local",
            env=env,
            merge_strategy={"parameters": "soft"},
        )["parameters"]["report_options"]["data_source"]
        for env in ("base", "box_builder", "box_builder_frame", "simulation")
    ]
    assert all(named)
    assert len(set(named)) == len(named)


def test_scores_keep_the_keys_and_one_column_per_entry(results, inputs):
    scores = results["test_scores"]
    assert scores.columns.to_list() == [
        "order_id",
        "user_id",
        "variant_id",
        "created_at",
        "order_date",
        "product_type",
        "user_order_seq",
        "ordered_before",
        "outcome",
        "constant",
        "global_popularity",
        "ordered_before_popularity",
        "logistic_l2",
        "logistic_elastic_net",
        "xgboost",
    ]
    expected = inputs["xgboost_model"].predict(inputs["test"])
    assert scores["xgboost"].to_list() == expected.tolist()
    assert scores["outcome"].to_list() == inputs["test"]["outcome"].to_list()


def test_results_can_be_saved_and_read_again(results, tmp_path, loader):
    config = loader["catalog"]
    made = create_pipeline().all_outputs() - HANDED_ON
    root = loader["globals"]["output_root"]
    entries = {
        name: entry | {"filepath": entry["filepath"].replace(root, str(tmp_path), 1)}
        for name, entry in config.items()
        if name in made or name == "{name}_figure"
    }
    catalog = DataCatalog.from_config(entries)
    for name in sorted(made):
        catalog.save(name, results[name])
    assert catalog.load("report") == results["report"]
    assert catalog.load("findings") == results["findings"]
    assert catalog.load("test_metrics").equals(results["test_metrics"])
    assert catalog.load("roc_figure") == results["roc_figure"]
