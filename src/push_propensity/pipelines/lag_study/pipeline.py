"""The `lag_study` pipeline."""

from kedro.pipeline import Node, Pipeline

from push_propensity.evaluation.lags import study_lags
from push_propensity.models import families
from push_propensity.pipelines.feature_engineering.pipeline import OPTIONS, reading


def create_pipeline() -> Pipeline:
    """Return the pipeline from raw tables, test part and contenders to the table of lags."""
    inputs = {
        "raw": "raw_tables",
        "test": "test",
        "winner": "winner",
        "feature_options": OPTIONS,
        "lag_study": "params:lag_study",
        "report_options": "params:report_options",
        **{entry: f"{entry}_model" for entry in families.ENTRIES},
    }
    return reading() + Pipeline([Node(study_lags, inputs, "lag_metrics", name="study_lags")])
