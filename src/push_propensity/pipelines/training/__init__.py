"""From one candidate's parameters to a bundle."""

from push_propensity.pipelines.training.pipeline import create_pipeline

__all__ = ["create_pipeline"]
