"""Figures, findings, one self-contained report and the model card."""

from .pipeline import create_pipeline as create_pipeline
