"""Test results, figures, findings and one self-contained report."""

from .pipeline import create_pipeline as create_pipeline
