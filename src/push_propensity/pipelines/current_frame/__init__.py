"""The `current_frame` pipeline."""

from push_propensity.pipelines.current_frame.pipeline import create_pipeline

__all__ = ["create_pipeline"]
