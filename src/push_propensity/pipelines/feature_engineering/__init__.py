"""From the raw tables to the feature frame."""

from .pipeline import create_pipeline as create_pipeline
