"""The worked example of docs/your_data.md: its files, taken as they stand, give what it says."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner

from push_propensity.features import CurrentOptions, FeatureOptions
from push_propensity.frame.split import SplitOptions
from push_propensity.ingestion.options import IngestionOptions
from push_propensity.ingestion.report import describe
from push_propensity.pipelines import current_frame, feature_engineering, ingestion
from push_propensity.settings import CONFIG_LOADER_ARGS

pytestmark = pytest.mark.slow

PROJECT = Path(__file__).parents[2]
TEXT = (PROJECT / "docs/your_data.md").read_text()
BLOCKS = [block.partition("\n") for block in re.findall(r"```(\w+\n.*?)```", TEXT, re.S)]


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """The configuration and the data of the page, in a folder of their own."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(PROJECT / "conf/base", folder / "conf/base")
    tables = [body for kind, _, body in BLOCKS if kind == "csv"]
    for name, body in zip(("order_lines", "products"), tables, strict=True):
        write(folder / f"data/01_raw/{name}.csv", body)
    for kind, _, body in BLOCKS:
        if kind == "yaml" and (named := re.match(r"# (conf/local/\w+\.yml)", body)):
            path = folder / named[1]
            write(path, (path.read_text() if path.exists() else "") + body)
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture(scope="module")
def ran(project) -> DataCatalog:
    """The catalog after both pipelines."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        loader = OmegaConfigLoader(str(project / "conf"), "local", **CONFIG_LOADER_ARGS)
        catalog = DataCatalog.from_config(loader["catalog"])
        parameters = loader["parameters"]
        assert loader["globals"]["start_from"] == "order_lines"
        catalog["params:ingestion"] = IngestionOptions(**parameters["ingestion"])
        catalog["params:feature_options"] = FeatureOptions(**parameters["feature_options"])
        catalog["params:split"] = SplitOptions(**parameters["split"])
        for package in (ingestion, feature_engineering):
            SequentialRunner().run(package.create_pipeline(), catalog)
        yield catalog


def test_the_intake_is_what_the_page_says(ran):
    assert describe(ran.load("intake_report")) in TEXT


def test_the_frame_is_what_the_page_says(ran, project):
    frame = pd.read_parquet(project / "data/04_feature/feature_frame.parquet")
    listed = frame.groupby("order_id")["variant_id"].apply(set).to_dict()
    assert listed == {
        "R3": {"tea-green", "honey"},
        "R4": {"tea-green", "honey", "rusks"},
    }


def test_the_frame_passes_its_check(ran):
    assert "purchase_share_variant_id" in ran.load("feature_frame@pandas").columns


def test_the_current_frame_is_of_the_chosen_products(ran, project, monkeypatch):
    monkeypatch.chdir(project)
    loader = OmegaConfigLoader(str(project / "conf"), "local", **CONFIG_LOADER_ARGS)
    ran["params:current"] = CurrentOptions(**loader["parameters"]["current"])
    SequentialRunner().run(current_frame.create_pipeline(), ran)
    frame = pd.read_parquet(project / "data/04_feature/current_frame.parquet")
    chosen = {("C7", "honey"), ("C7", "tea-green"), ("C9", "honey"), ("C9", "tea-green")}
    assert set(zip(frame["user_id"], frame["variant_id"], strict=True)) == chosen
