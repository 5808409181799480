"""From order lines to the raw tables."""

from push_propensity.pipelines.ingestion.pipeline import create_pipeline

__all__ = ["create_pipeline"]
