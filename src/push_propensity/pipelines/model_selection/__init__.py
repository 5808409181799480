"""Sweeps, baselines, leaderboard and winner."""

from .pipeline import create_pipeline as create_pipeline
