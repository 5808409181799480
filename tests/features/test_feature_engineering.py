"""The pipeline, on an in-memory catalog and with the entries of the catalog."""

import hashlib
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from push_propensity.datasets.table_dataset import TableDataset
from push_propensity.features import FeatureOptions
from push_propensity.features.options import SamplingOptions
from push_propensity.frame.split import SplitOptions
from push_propensity.pipelines.feature_engineering import create_pipeline
from tests.features.tiny_shop import build, raw_tables

CONF = Path(__file__).parents[2] / "conf"
RAW = ("orders", "users", "inventory", "regulars", "abandoned_carts", "prices")


def config(env):
    return OmegaConfigLoader(str(CONF), base_env="base", default_run_env="local", env=env)


def test_runs_on_an_in_memory_catalog():
    data = raw_tables() | {
        "params:feature_options": FeatureOptions(),
        "params:split": SplitOptions(),
    }
    catalog = DataCatalog(
        {name: MemoryDataset(value, copy_mode="assign") for name, value in data.items()}
        | {"prices": TableDataset(filepath="no/such/prices.parquet", optional=True)}
    )
    outputs = SequentialRunner().run(create_pipeline(), catalog)
    assert outputs["feature_frame@ibis"].load().to_pyarrow().equals(build())


def test_shipped_parameters_are_the_defaults():
    parameters = config("base")["parameters"]
    shipped = FeatureOptions(**parameters["feature_options"])
    sampling = SamplingOptions(seed=parameters["simulation"]["seed"])
    assert shipped == FeatureOptions(sampling=sampling)


@pytest.mark.parametrize(("env", "folder"), [("base", ""), ("box_builder", "/box_builder")])
def test_entries_read_the_raw_files_by_one_connection(env, folder):
    entries = config(env)["catalog"]
    names = (*RAW, "feature_frame@ibis")
    assert [entries[name]["filepath"] for name in RAW] == [
        f"data/01_raw{folder}/{name}.parquet" for name in RAW
    ]
    assert all(entries[name]["connection"] == entries["orders"]["connection"] for name in names)


def test_box_builder_reads_the_frame_that_was_built():
    entries = config("box_builder")["catalog"]
    built, read = (entries[f"feature_frame@{kind}"]["filepath"] for kind in ("ibis", "pandas"))
    assert built == read
    assert read.startswith("data/environments/box_builder/")


def test_the_entries_write_the_same_bytes_again(tmp_path):
    entries = {
        name: entry | {"filepath": str(tmp_path / f"{name}.parquet")}
        for name, entry in config("base")["catalog"].items()
        if name in (*RAW, "feature_frame@ibis")
    }
    for name, table in raw_tables().items():
        pq.write_table(table.to_pyarrow(), tmp_path / f"{name}.parquet")
    assert _run(entries) == _run(entries)
    written = pq.read_table(tmp_path / "feature_frame@ibis.parquet")
    assert written.schema.equals(build().schema)
    assert written.equals(build())


def _run(entries):
    catalog = DataCatalog.from_config(entries)
    catalog["params:feature_options"] = FeatureOptions()
    catalog["params:split"] = SplitOptions()
    SequentialRunner().run(create_pipeline(), catalog)
    return hashlib.sha256(Path(entries["feature_frame@ibis"]["filepath"]).read_bytes()).hexdigest()
