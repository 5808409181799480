"""Catalog entries of our own."""

from push_propensity.datasets.bundle_dataset import BundleDataset

__all__ = ["BundleDataset"]
