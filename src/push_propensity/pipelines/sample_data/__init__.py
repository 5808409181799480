"""From the options of a simulated shop to its raw tables."""

from push_propensity.pipelines.sample_data.pipeline import create_pipeline

__all__ = ["create_pipeline"]
