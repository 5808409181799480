"""The `feature_update` pipeline."""

from push_propensity.pipelines.feature_update.pipeline import create_pipeline

__all__ = ["create_pipeline"]
