"""What feature groups and encodings are worth; run on demand."""

from .pipeline import create_pipeline as create_pipeline
