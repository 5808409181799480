"""The inference pipeline: scores of given users by a published model."""

from .pipeline import create_pipeline as create_pipeline
