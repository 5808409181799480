"""From the options of a simulated shop to its raw tables."""

from .pipeline import create_pipeline as create_pipeline
