"""What quality survives when features are taken hours before the order."""

from push_propensity.pipelines.lag_study.pipeline import create_pipeline

__all__ = ["create_pipeline"]
