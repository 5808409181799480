"""One step of a benchmark in a process of its own; prints what it measured as JSON.

`benchmarks/feature_engineering.py` starts it: `one_run.py simulate|build|compare '<JSON>'`.
"""

import importlib
import json
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import ibis
import pyarrow.parquet as pq
from kedro.config import OmegaConfigLoader
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.runner import SequentialRunner
from kedro.validation.parameter_validator import ParameterValidator

from compare_frames import compare_columns, compare_keys
from push_propensity.datasets.engines import connect
from push_propensity.pipelines import feature_engineering, sample_data
from push_propensity.settings import CONFIG_LOADER_ARGS

ROOT = Path(__file__).parents[1]
SQL = Path(__file__).with_name("feature_frame.sql")
RAW = Path("data") / "01_raw"  # what is read alone, below the output root of the sample too
RAW_TABLES = ("orders", "users", "inventory", "regulars", "abandoned_carts")
FRAME = "feature_frame@ibis"
# What else a build imports, before the clock starts.
IMPORTED = ("ibis.backends.duckdb", "push_propensity.datasets.table_dataset")


class Configuration:
    """An environment's catalog and parameters, with what it writes moved to another folder."""

    def __init__(self, environment: str, folder: str, parameters: Mapping[str, Any]) -> None:
        self._loader = OmegaConfigLoader(
            str(ROOT / "conf"), environment, runtime_params=dict(parameters), **CONFIG_LOADER_ARGS
        )
        self.globals = self._loader["globals"]
        self.output_root = Path(self.globals["output_root"])
        self.entries = {name: dict(entry) for name, entry in self._loader["catalog"].items()}
        for entry in self.entries.values():
            if "filepath" in entry:
                path = Path(entry["filepath"])
                moved = path.is_relative_to(self.output_root) and not path.is_relative_to(RAW)
                entry["filepath"] = str(
                    Path(folder) / path.relative_to(self.output_root) if moved else ROOT / path
                )

    def set_duckdb(self, settings: Mapping[str, str]) -> None:
        """Add settings, such as a memory limit, to every connection to DuckDB."""
        for entry in self.entries.values():
            if entry.get("connection", {}).get("backend") == "duckdb":
                entry["connection"] = {**entry["connection"], **settings}

    def catalog(self, pipeline: Pipeline) -> DataCatalog:
        """Return the catalog with the pipeline's parameters as Kedro hands them to its nodes."""
        catalog = DataCatalog.from_config(self.entries)
        typed = ParameterValidator({"": pipeline}).validate_raw_params(self._loader["parameters"])
        for name in pipeline.inputs():
            if name.startswith("params:"):
                catalog[name] = reduce(getitem, name.removeprefix("params:").split("."), typed)
        return catalog


class FolderWatch(threading.Thread):
    """Watches how large a folder becomes while something runs."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.largest = 0
        self._folder = folder
        self._stop_watching = threading.Event()

    def run(self) -> None:
        while not self._stop_watching.wait(0.05):
            self.largest = max(self.largest, _size(self._folder))

    def __enter__(self) -> "FolderWatch":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop_watching.set()
        self.join()


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # DuckDB removed it in the meantime
            total += path.stat().st_size if path.is_file() else 0
    return total


def simulate(environment: str, folder: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Write the raw tables of a simulated shop, unless the same ones are there."""
    pipeline = sample_data.create_pipeline()
    catalog = Configuration(environment, folder, parameters).catalog(pipeline)
    [name] = (name for name in pipeline.inputs() if name.startswith("params:"))
    options, made = catalog[name].load().model_dump_json(), Path(folder) / "simulated.json"
    started = time.perf_counter()
    if not (made.is_file() and made.read_text(encoding="utf-8") == options):
        SequentialRunner().run(pipeline, catalog)
        made.write_text(options, encoding="utf-8")
    return {"seconds": time.perf_counter() - started}


def build(
    environment: str,
    folder: str,
    parameters: Mapping[str, Any],
    frame: str,
    memory_limit: str | None = None,
    by_hand: bool = False,
) -> dict[str, Any]:
    """Build the feature frame by the pipeline, or by hand-written SQL, and measure it.

    Both read and write what the catalog names, with the catalog's DuckDB settings.
    """
    configuration = Configuration(environment, folder, parameters)
    configuration.entries[FRAME]["filepath"] = frame
    for module in IMPORTED:
        importlib.import_module(module)
    with tempfile.TemporaryDirectory() as spill:
        limit = {} if memory_limit is None else {"memory_limit": memory_limit}
        configuration.set_duckdb({"temp_directory": spill, **limit})
        with FolderWatch(Path(spill)) as watch:
            started, started_processor = time.perf_counter(), time.process_time()
            (_run_sql if by_hand else _run_pipeline)(configuration)
            seconds = time.perf_counter() - started
            processor_seconds = time.process_time() - started_processor
    return {
        "seconds": seconds,
        "processor_seconds": processor_seconds,
        "rows": pq.read_metadata(frame).num_rows,
        "peak_memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "spilled": watch.largest,
    }


def _run_pipeline(configuration: Configuration) -> None:
    pipeline = feature_engineering.create_pipeline()
    SequentialRunner().run(pipeline, configuration.catalog(pipeline))


def _run_sql(configuration: Configuration) -> None:
    frame = configuration.entries[FRAME]
    connection = connect(**frame["connection"])
    for name in RAW_TABLES:
        connection.read_parquet(configuration.entries[name]["filepath"], table_name=name)
    select = SQL.read_text(encoding="utf-8")
    connection.raw_sql(f"COPY ({select}) TO '{frame['filepath']}' (FORMAT parquet)")


def compare(built: str, reference: str) -> dict[str, Any]:
    """Return the names of what differs between two frames: keys, or columns on the same keys."""
    connection = ibis.duckdb.connect()
    frames = connection.read_parquet(built), connection.read_parquet(reference)
    keys = compare_keys(*frames)
    same_keys = keys.built_rows == keys.reference_rows == keys.shared_rows
    columns = [column.name for column in compare_columns(*frames) if column.different_rows]
    return {"different": columns if same_keys else ["keys", *columns]}


STEPS = {"simulate": simulate, "build": build, "compare": compare}

if __name__ == "__main__":
    print(json.dumps(STEPS[sys.argv[1]](**json.loads(sys.argv[2]))))
