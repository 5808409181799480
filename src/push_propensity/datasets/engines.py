"""Connections to what computes the features: DuckDB in this process, or Spark."""

import logging
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any

import ibis
from ibis import BaseBackend

from push_propensity.errors import EngineError


def connect(backend: str, **settings: Any) -> BaseBackend:
    """Connect to an Ibis backend.

    Args:
        backend: The name of the backend; `duckdb` and `pyspark` are tried out.
        settings: What the backend's own `connect` takes; None leaves the choice to the backend.
            `temp_directory` of DuckDB is a folder below which it spills to disk, by default the
            system's own for temporary files; a folder of this process' own is made there and
            removed at the end. Settings of Spark go to its session before it starts.

    Raises:
        EngineError: Spark cannot start.
    """
    given = {name: value for name, value in settings.items() if value is not None}
    if backend == "pyspark":
        return _connect_spark(given)
    if backend == "duckdb":
        return _connect_duckdb(**given)
    return getattr(ibis, backend).connect(**given)


def _connect_duckdb(temp_directory: str | None = None, **settings: Any) -> BaseBackend:
    if temp_directory:
        Path(temp_directory).mkdir(parents=True, exist_ok=True)
    spill = tempfile.mkdtemp(prefix="duckdb-", dir=temp_directory)
    connection = ibis.duckdb.connect(temp_directory=spill, **settings)
    weakref.finalize(connection, shutil.rmtree, spill, ignore_errors=True)
    return connection


def _connect_spark(settings: dict[str, Any]) -> BaseBackend:
    try:
        from pyspark.errors import PySparkRuntimeError
        from pyspark.logger import PySparkLogger
        from pyspark.sql import SparkSession
    except ModuleNotFoundError as error:
        raise EngineError(
            "The catalog asks for Spark and pyspark is not installed. Install the extra `spark`: "
            "pip install 'push-propensity[spark]'."
        ) from error
    try:
        session = SparkSession.builder.config(map=settings).getOrCreate()
    except PySparkRuntimeError as error:
        raise EngineError(
            "Spark did not start. It needs Java 17 or newer, on the path or where JAVA_HOME says; "
            "what Java itself said stands above. Install Java and run again."
        ) from error
    # What it would log comes back as an exception too, and is a whole query.
    PySparkLogger.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    return ibis.pyspark.connect(session)
