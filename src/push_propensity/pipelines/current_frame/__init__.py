"""The `current_frame` pipeline."""

from .pipeline import create_pipeline as create_pipeline
