"""Feature frame in; orders that count, split by day, folds and a data-quality report out."""

from .pipeline import create_pipeline as create_pipeline
