"""From order lines to the raw tables."""

from .pipeline import create_pipeline as create_pipeline
