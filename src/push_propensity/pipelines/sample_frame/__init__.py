"""From a built feature frame to a small CSV file, as the shop's technical description has it."""

from push_propensity.pipelines.sample_frame.pipeline import create_pipeline

__all__ = ["create_pipeline"]
