"""From a built feature frame to a small CSV file, as the shop's technical description has it."""

from .pipeline import create_pipeline as create_pipeline
