"""From the raw tables to the feature frame."""

from push_propensity.pipelines.feature_engineering.pipeline import create_pipeline

__all__ = ["create_pipeline"]
