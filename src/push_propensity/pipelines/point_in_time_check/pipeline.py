"""The `point_in_time_check` pipeline."""

from kedro.pipeline import Node, Pipeline

from push_propensity.features.point_in_time.check import check_point_in_time, require_no_look_ahead
from push_propensity.pipelines.feature_engineering.pipeline import TABLES_AND_OPTIONS


def create_pipeline() -> Pipeline:
    """Return the pipeline from the raw tables to `point_in_time_check`, which must find nothing."""
    check = Node(
        check_point_in_time,
        TABLES_AND_OPTIONS | {"point_in_time": "params:point_in_time"},
        "point_in_time_check",
        name="check_point_in_time",
    )
    require = Node(require_no_look_ahead, "point_in_time_check", None, name="require_no_look_ahead")
    return Pipeline([check, require])
