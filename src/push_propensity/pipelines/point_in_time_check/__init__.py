"""A check that every feature comes from what was before its moment."""

from push_propensity.pipelines.point_in_time_check.pipeline import create_pipeline

__all__ = ["create_pipeline"]
