"""Which pipelines there are and what a plain `kedro run` does."""

from kedro.framework.project import find_pipelines
from kedro.pipeline import Pipeline

DEFAULT = ("data_processing", "model_selection", "training", "reporting")


def register_pipelines() -> dict[str, Pipeline]:
    """Return every pipeline by its name; `__default__` does the main job."""
    pipelines = find_pipelines(raise_errors=True)
    default = [pipelines[name] for name in DEFAULT if name in pipelines]
    pipelines["__default__"] = sum(default, start=Pipeline([]))
    return pipelines
