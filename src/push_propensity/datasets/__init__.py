"""Catalog entries of our own, and the engines behind them; what is read is judged elsewhere.

`table_dataset` is not imported here: it needs Ibis, and models are read without.
"""

from push_propensity.datasets.bundle_dataset import BundleDataset

__all__ = ["BundleDataset"]
