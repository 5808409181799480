"""The catalog entry of the models, alone and in the project's catalog."""

import json
import os
import shutil
from pathlib import Path

import pytest
from kedro.framework.project import configure_project
from kedro.framework.session import KedroSession
from kedro.io import DatasetError

from push_propensity.datasets import BundleDataset
from push_propensity.frame.columns import NUMERIC_FEATURES
from push_propensity.handler import predict as predict_module
from push_propensity.pipelines import inference
from push_propensity.scoring.bundle import publish
from tests.predict.conftest import ask
from tests.predict.tiny_bundle import make_bundle, make_rows

PROJECT = Path(__file__).parents[2]


def test_saving_publishes_and_loading_reads_the_newest(tmp_path):
    dataset = BundleDataset(filepath=str(tmp_path / "models"))
    assert not dataset.exists()
    for name, seed in (("push_b", 1), ("push_a", 2)):
        saving = BundleDataset(filepath=str(tmp_path / "models"), publish_as=name)
        saving.save(make_bundle(seed=seed))
        assert saving.published.name == name
    assert dataset.exists()
    assert dataset.load().manifest.name == "push_a"
    earlier = BundleDataset(filepath=str(tmp_path / "models"), model="push_b", metadata={"a": 1})
    assert earlier.load().manifest.name == "push_b"
    assert earlier.metadata == {"a": 1}
    earlier.save(make_bundle(seed=3))  # a run that trains shows what it published, not `model`
    assert earlier.load().manifest.name == earlier.published.name != "push_b"


def test_the_preview_says_what_the_model_is_and_holds_no_rows(tmp_path):
    publish(make_bundle(), tmp_path, "push_a")
    shown = json.loads(BundleDataset(filepath=str(tmp_path)).preview())
    assert (shown["name"], shown["candidate"]) == ("push_a", "logistic_l2")
    assert shown["metrics"] == {"product_average_precision": 0.6}
    assert {"golden_rows", "files", "features"}.isdisjoint(shown)


@pytest.mark.parametrize("model", [None, "push_no_such", "../up"])
def test_nothing_to_load(tmp_path, model):
    with pytest.raises(DatasetError):
        BundleDataset(filepath=str(tmp_path), model=model).load()


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A copy of the project's configuration, with two models and users to score."""
    shutil.copytree(PROJECT / "conf", tmp_path / "conf")
    (tmp_path / "data/01_raw").mkdir(parents=True)
    for name, seed in (("push_one", 1), ("push_two", 2)):
        publish(make_bundle(seed=seed), tmp_path / "data/06_models", name)
    monkeypatch.setenv("PUSH_PROPENSITY_MODELS", str(tmp_path / "data/06_models"))
    monkeypatch.delenv("KEDRO_ENV", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run_inference(project, **runtime_params):
    configure_project("push_propensity")
    with KedroSession.create(project, runtime_params=runtime_params) as session:
        session.run(pipeline_names=["inference"])
    return json.loads((project / "data/07_model_output/scores.json").read_text())


@pytest.mark.slow
def test_the_pipeline_run_by_kedro_agrees_with_the_handler(project):
    users = {f"ü{i}": row for i, row in enumerate(make_rows(10_000))} | {"bad": {}, "": None}
    text = json.dumps(users, ensure_ascii=False)
    (project / "data/01_raw/scoring_users.json").write_text(text, encoding="utf-8")
    scores = run_inference(project)
    parts = [dict(list(users.items())[start : start + 5_000]) for start in (0, 5_000, 10_000)]
    bodies = [ask({"users": json.dumps(part)})[1] for part in parts[:2]]
    assert scores["prediction"] == {k: v for body in bodies for k, v in body["prediction"].items()}
    assert list(scores["prediction"]) == list(users)[:10_000]
    assert scores["rejected"] == ask({"users": parts[2]})[1]["rejected"]
    assert run_inference(project, model="push_one")["model_name"] == "push_one"


@pytest.mark.slow
def test_the_run_counts_the_numbers_beyond_training(project, capsys):
    row = make_rows(1)[0]
    far = {"count_pets": 91, "days_since_purchase_product_type": 400}
    users = {"a": row, "b": row | far, "c": row | {"count_pets": 1_000}, "d": {}}
    (project / "data/01_raw/scoring_users.json").write_text(json.dumps(users))
    run_inference(project)
    counts = json.loads((project / "data/07_model_output/beyond_training.json").read_text())
    assert counts.keys() == set(NUMERIC_FEATURES)
    assert {name: count for name, count in counts.items() if count} == {
        "count_pets": 2,
        "days_since_purchase_product_type": 1,
    }
    said = capsys.readouterr().out
    assert said.count("Numbers beyond training") == 1
    assert "Numbers beyond training: 3 (count_pets 2, days_since_purchase_product_type 1)\n" in said


def test_a_user_twice_stops_the_run(project):
    (project / "data/01_raw/scoring_users.json").write_text('{"u": {}, "u": {}}')
    with pytest.raises(Exception, match="twice"):
        run_inference(project)


def test_the_handler_runs_the_registered_pipeline(project):
    from kedro.framework.project import pipelines

    configure_project("push_propensity")
    registered = pipelines["inference"]
    for other in (predict_module._pipeline(), inference.create_pipeline()):
        assert other.nodes == registered.nodes
        assert [node.func for node in other.nodes] == [node.func for node in registered.nodes]


@pytest.mark.slow
def test_every_dataset_of_the_pipeline_but_the_intermediate_is_configured(project):
    configure_project("push_propensity")
    with KedroSession.create(project) as session:
        catalog = session.load_context().catalog
    pipeline = inference.create_pipeline()
    assert {name for name in pipeline.datasets() if name not in catalog} == {"checked_users"}
    assert os.fspath(catalog["model_bundle"]._root) == os.fspath(project / "data/06_models")
