"""The inference pipeline: scores of given users by a published model."""

from push_propensity.pipelines.inference.pipeline import create_pipeline

__all__ = ["create_pipeline"]
