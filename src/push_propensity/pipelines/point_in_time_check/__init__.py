"""A check that every feature comes from what was before its moment."""

from .pipeline import create_pipeline as create_pipeline
