"""The `feature_engineering` pipeline."""

from kedro.pipeline import Node, Pipeline

from push_propensity.features import read_raw_tables
from push_propensity.pipelines.feature_engineering.nodes import build_feature_frame

OPTIONS = "params:feature_options"
TABLES = ("orders", "inventory", "users", "regulars", "abandoned_carts", "prices")
TABLES_AND_OPTIONS = {name: name for name in TABLES} | {"feature_options": OPTIONS}


def create_pipeline() -> Pipeline:
    """Return the pipeline from the raw tables to `feature_frame`."""
    build = Node(
        build_feature_frame,
        ["raw_tables", OPTIONS, "params:split"],
        "feature_frame@ibis",
        name="build_feature_frame",
    )
    return reading() + Pipeline([build])


def reading() -> Pipeline:
    """Return the pipeline from the raw tables' files to `raw_tables`, checked."""
    return Pipeline(
        [Node(read_raw_tables, TABLES_AND_OPTIONS, "raw_tables", name="read_raw_tables")]
    )
