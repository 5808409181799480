"""Figures, findings, one self-contained report and the model card."""

from push_propensity.pipelines.reporting.pipeline import create_pipeline

__all__ = ["create_pipeline"]
