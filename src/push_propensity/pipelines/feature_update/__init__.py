"""The `feature_update` pipeline."""

from .pipeline import create_pipeline as create_pipeline
