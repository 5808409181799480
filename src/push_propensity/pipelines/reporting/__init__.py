"""Test results, figures, findings and one self-contained report."""

from push_propensity.pipelines.reporting.pipeline import create_pipeline

__all__ = ["create_pipeline"]
