"""From one candidate's parameters to a bundle."""

from .pipeline import create_pipeline as create_pipeline
