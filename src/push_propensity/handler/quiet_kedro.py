"""The parts of Kedro that the handler runs pipelines with, which leave the host's logging alone.

At its import Kedro replaces the handlers of the root logger, unless it is given another logging
configuration; an incremental one without content changes nothing. What Kedro says of a run in
memory, a dozen lines, is kept from the host's log, where a call is one line: also the text of an
error, which may hold a user's values, and what is said of opening a project, which holds absolute
paths. What it says of the host's own runs is not.
"""

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from copy import copy
from pathlib import Path
from typing import Any

_VARIABLE = "KEDRO_LOGGING_CONFIG"
_TALKERS = (
    "fsspec.local",
    "kedro.config.omegaconf_config",
    "kedro.framework.context.context",
    "kedro.framework.hooks.manager",
    "kedro.framework.project",  # says at its import where its logging configuration is
    "kedro.framework.session.session",
    "kedro.framework.session.store",
    "kedro.io.catalog_config_resolver",
    "kedro.io.core",
    "kedro.io.data_catalog",
    "kedro.pipeline.node",
    "kedro.pipeline.pipeline",
    "kedro.runner.sequential_runner",
    "kedro.validation.model_factory",
    "kedro.validation.pandera_validator",
    "kedro.validation.parameter_validator",
    "kedro.validation.type_extractor",
)
_QUIET = ContextVar("quiet", default=False)


def _is_worth_saying(_: logging.LogRecord) -> bool:
    return not _QUIET.get()


for _name in _TALKERS:
    logging.getLogger(_name).addFilter(_is_worth_saying)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what Kedro says in this thread out of the log."""
    token = _QUIET.set(True)
    try:
        yield
    finally:
        _QUIET.reset(token)


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


with quiet(), _logging_untouched():
    from kedro.io import DataCatalog, MemoryDataset
    from kedro.pipeline import Pipeline
    from kedro.runner import SequentialRunner

__all__ = ["Pipeline", "quiet", "run_in_memory"]


class _Held(MemoryDataset):
    """Describes itself without a look at what it holds, which Kedro asks for at every step."""

    def __repr__(self) -> str:
        return "a dataset in memory"


_EMPTY = _Held(copy_mode="assign")  # to be copied: making one takes ten times as long


def run_in_memory(pipeline: Pipeline, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Run a pipeline on given inputs and return its free outputs.

    Every dataset is registered, also what the pipeline makes: one that is not makes Kedro import
    pandas.
    """
    datasets: dict[str, Any] = {name: copy(_EMPTY) for name in (*inputs, *pipeline.all_outputs())}
    with quiet():
        for name, data in inputs.items():
            datasets[name].save(data)
        results = SequentialRunner().run(pipeline, DataCatalog(datasets))
        return {name: dataset.load() for name, dataset in results.items()}
