"""The parts of Kedro that the handler runs pipelines with, imported without a change of logging.

At its import Kedro replaces the handlers of the root logger, unless it is given another logging
configuration; an incremental one without content changes nothing.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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

__all__ = ["DataCatalog", "MemoryDataset", "Pipeline", "SequentialRunner"]
