"""A build that does not fit into DuckDB's memory spills to disk and gives the same bytes."""

import shutil
import threading
from pathlib import Path

import pandas as pd
import pytest
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from kedro.runner import SequentialRunner

from push_propensity.features import FeatureOptions
from push_propensity.frame.split import SplitOptions
from push_propensity.pipelines.feature_engineering import create_pipeline
from tests.features.test_feature_engineering import CONF, RAW

SAMPLE = CONF.parent / "data" / "01_raw"
IDS = ("id", "user_id", "variant_id", "ordered_items")
SHOPS = 5
MEMORY = 250_000_000  # the frame is larger, and what building it needs at least is smaller


@pytest.fixture(scope="module")
def shops(tmp_path_factory):
    """Raw tables of several copies of the sample's shop: every user is offered the whole."""
    folder = tmp_path_factory.mktemp("shops")
    for name in set(RAW) - {"prices"}:  # which the sample has not
        table = pd.read_parquet(SAMPLE / f"{name}.parquet")
        copies = [renumber(table, copy * 10**12) for copy in range(SHOPS)]
        pd.concat(copies).to_parquet(folder / f"{name}.parquet", index=False)
    return folder


def renumber(table, offset):
    """A copy of a table in which ids, also those in lists, are larger by the offset."""
    ids = [name for name in IDS if name in table]
    return table.assign(**{name: [value + offset for value in table[name]] for name in ids})


def build(conf, shops, to):
    """Build the frame by the entries of a configuration and return its bytes."""
    entries = OmegaConfigLoader(str(conf), base_env="base", default_run_env="local")["catalog"]
    files = {name: shops / f"{name}.parquet" for name in RAW}
    files |= {"feature_frame@ibis": to}
    catalog = DataCatalog.from_config(
        {name: entries[name] | {"filepath": str(path)} for name, path in files.items()}
    )
    catalog["params:feature_options"] = FeatureOptions()
    catalog["params:split"] = SplitOptions()
    SequentialRunner().run(create_pipeline(), catalog)
    return to.read_bytes()


class Watch(threading.Thread):
    """Keeps the largest size that the files below a folder had together."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.folder, self.largest, self.over = folder, 0, threading.Event()

    def run(self) -> None:
        while not self.over.wait(0.01):
            self.largest = max(self.largest, self.size())

    def size(self) -> int:
        try:
            return sum(path.stat().st_size for path in self.folder.rglob("*.tmp"))
        except FileNotFoundError:  # gone meanwhile
            return 0


@pytest.mark.slow
def test_a_low_limit_gives_the_same_bytes(shops, tmp_path):
    spill = tmp_path / "spill"
    conf = shutil.copytree(CONF, tmp_path / "conf", ignore=shutil.ignore_patterns("local"))
    (conf / "local").mkdir()
    (conf / "local" / "globals.yml").write_text(
        f"memory_limit: {MEMORY}B\ntemp_directory: {spill}\n"
    )
    watch = Watch(spill)
    watch.start()
    limited = build(conf, shops, tmp_path / "limited.parquet")
    watch.over.set()
    watch.join()
    assert limited == build(CONF, shops, tmp_path / "unlimited.parquet")
    assert watch.largest > 10_000_000
    assert watch.size() == 0
