"""Sweeps, baselines, leaderboard and winner."""

from push_propensity.pipelines.model_selection.pipeline import create_pipeline

__all__ = ["create_pipeline"]
