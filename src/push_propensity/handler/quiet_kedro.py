"""The parts of Kedro that the handler runs pipelines with, imported without a change of logging.

At its import Kedro replaces the handlers of the root logger, unless it is given another logging
configuration; an incremental one without content changes nothing.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_VARIABLE = "KEDRO_LOGGING_CONFIG"


@contextmanager
def _logging_untouched() -> Iterator[None]:
    if _VARIABLE in os.environ:
        yield
        return
    os.environ[_VARIABLE] = str(Path(__file__).with_name("logging.yml"))
    try:
        yield
    finally:
        del os.environ[_VARIABLE]


with _logging_untouched():
    from kedro.io import DataCatalog, MemoryDataset
    from kedro.pipeline import Pipeline
    from kedro.runner import SequentialRunner

__all__ = ["Pipeline", "run_in_memory"]


def run_in_memory(pipeline: Pipeline, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Run a pipeline on given inputs and return its free outputs.

    Every dataset is registered, also what the pipeline makes: one that is not makes Kedro import
    pandas.
    """
    datasets = {name: MemoryDataset(data, copy_mode="assign") for name, data in inputs.items()}
    made = {name: MemoryDataset(copy_mode="assign") for name in pipeline.all_outputs()}
    results = SequentialRunner().run(pipeline, DataCatalog({**datasets, **made}))
    return {name: dataset.load() for name, dataset in results.items()}
