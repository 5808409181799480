"""What quality survives when features are taken hours before the order."""

from .pipeline import create_pipeline as create_pipeline
