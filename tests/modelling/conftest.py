"""The small frame cut into its parts, and one small model of each family."""

import pandas as pd
import pytest

from push_propensity.frame.columns import choose_features
from push_propensity.frame.split import (
    FoldOptions,
    Split,
    SplitOptions,
    cut_folds,
    keep_large_orders,
    plan_split,
    split_orders,
)
from tests.modelling.entries import FAMILY_NAMES, entry, fit


@pytest.fixture(scope="session")
def kept(make_feature_frame):
    """Orders that count, in canonical order."""
    return keep_large_orders(make_feature_frame(), 5)


@pytest.fixture(scope="session")
def days(kept):
    return plan_split(kept, SplitOptions())


@pytest.fixture(scope="session")
def parts(kept, days) -> Split:
    return split_orders(kept, days)


@pytest.fixture(scope="session")
def folds(days):
    return cut_folds(days, FoldOptions(n_windows=2))


@pytest.fixture(scope="session")
def development(parts):
    return pd.concat(parts[:2], ignore_index=True)


@pytest.fixture(scope="session")
def extended_parts(extended_frame, days) -> Split:
    """The same orders with extended features and metadata."""
    return split_orders(keep_large_orders(extended_frame, 5), days)


@pytest.fixture(scope="session")
def extended_development(extended_parts):
    return pd.concat(extended_parts[:2], ignore_index=True)


@pytest.fixture(scope="session")
def extended_features(extended_frame):
    return choose_features(extended_frame.columns, "extended")


@pytest.fixture(scope="session")
def models(development):
    """One model per family, not calibrated."""
    return {name: fit(development, entry(name)) for name in FAMILY_NAMES}
