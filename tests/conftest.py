"""What several test modules need: a small feature frame with something to learn in it."""

import gc
import os
from collections.abc import Callable

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # of the tests' own use of ONNX Runtime

import numpy as np
import pandas as pd
import pytest

from push_propensity.frame.columns import (
    BASKET_SIZE,
    COLUMNS,
    EXTENDED_FEATURES,
    OWN_FREQUENCY,
    SAMPLING_WEIGHT,
)
from tests import faults as faults  # its profile, before one is chosen


def pytest_collection_finish():
    """Spare what was imported, which never goes, from being searched for garbage ever again."""
    gc.freeze()
    gc.set_threshold(200_000, 50, 100)


FIRST_DAY = pd.Timestamp("2020-10-05")
DEFAULT_DAYS_TO_BUY = (34.0, 27.693)


def _orders(rng: np.random.Generator, orders: int, days: int, users: int) -> pd.DataFrame:
    """One row per order: two a day on average, each day with at least one."""
    day = np.sort(np.concatenate([np.arange(days), rng.integers(0, days, orders - days)]))
    created_at = FIRST_DAY + pd.to_timedelta(day * 86_400 + rng.integers(0, 86_400, orders), "s")
    frame = pd.DataFrame({"created_at": created_at.astype("datetime64[us]")})
    frame = frame.sort_values("created_at", ignore_index=True)
    frame["order_id"] = 9_000_000 + np.arange(orders)
    frame["user_id"] = 500 + rng.integers(0, users, orders)
    frame["user_order_seq"] = 2 + frame.groupby("user_id").cumcount()
    frame["order_date"] = frame["created_at"].dt.normalize()
    return frame


def _households(rng: np.random.Generator, users: int) -> pd.DataFrame:
    adults = rng.integers(1, 4, users)
    children = rng.integers(0, 3, users)
    return pd.DataFrame(
        {
            "user_id": 500 + np.arange(users),
            "count_adults": adults,
            "count_children": children,
            "count_babies": rng.integers(0, 2, users),
            "count_pets": rng.integers(0, 2, users),
            "people_ex_baby": adults + children,
        }
    )


def _products(rng: np.random.Generator, products: int) -> pd.DataFrame:
    number = np.arange(products)
    return pd.DataFrame(
        {
            "variant_id": 33_000_000 + number,
            "product_type": np.array([f"type-{n % 6}" for n in number]),
            "vendor": np.array([f"vendor-{n % 9}" for n in number]),
            "normalised_price": np.round(rng.uniform(0.02, 0.6, products), 4),
            "discount_pct": np.round(rng.uniform(0.0, 0.5, products), 4),
            "global_popularity": np.round(rng.uniform(0.0, 0.3, products), 4),
        }
    )


def _behaviour(rng: np.random.Generator, frame: pd.DataFrame) -> pd.DataFrame:
    """Flags that raise the odds of a purchase, and the purchases drawn from those odds."""
    rows = len(frame)
    before = rng.random(rows) < 0.3
    flags = {
        "ordered_before": before,
        "abandoned_before": rng.random(rows) < 0.05,
        "active_snoozed": rng.random(rows) < 0.05,
        "set_as_regular": before & (rng.random(rows) < 0.3),
    }
    weights = {
        "ordered_before": 2.0,
        "abandoned_before": 2.5,
        "active_snoozed": 0.5,
        "set_as_regular": 1.0,
    }
    logit = -3.1 + 5.0 * frame["global_popularity"]
    logit = logit + sum(weights[name] * flag for name, flag in flags.items())
    outcome = rng.random(rows) < 1.0 / (1.0 + np.exp(-logit))
    mean, deviation = DEFAULT_DAYS_TO_BUY
    days = {"days_since_purchase": 33.0, "avg_days_to_buy": mean, "std_days_to_buy": deviation}
    columns = {
        f"{name}_{unit}": np.where(before, rng.integers(3, 60, rows), default)
        for unit in ("variant_id", "product_type")
        for name, default in days.items()
    }
    return frame.assign(outcome=outcome, **flags, **columns)


def build_feature_frame(
    seed: int = 20_201_005, days: int = 60, orders: int = 120, products: int = 30, users: int = 40
) -> pd.DataFrame:
    """Return a valid feature frame of `orders * products` rows, the same for the same arguments."""
    rng = np.random.default_rng(seed)
    frame = _orders(rng, orders, days, users).merge(_products(rng, products), how="cross")
    frame = _behaviour(rng, frame.merge(_households(rng, users), on="user_id"))
    text = ["product_type", "vendor"]
    given = ["variant_id", "order_id", "user_id", "user_order_seq", "created_at", "order_date"]
    numbers = [name for name in COLUMNS if name not in text + given]
    order = ["created_at", "order_id", "variant_id"]
    frame = frame.astype(dict.fromkeys(numbers, "float64")).sort_values(order, ignore_index=True)
    return frame[list(COLUMNS)]


def extend_feature_frame(frame: pd.DataFrame, seed: int = 7) -> pd.DataFrame:
    """Add every extended feature, within its bounds, and the metadata of a frame not sampled.

    The own frequency goes with the outcome, more closely than whether the user ever bought.
    """
    rng, rows = np.random.default_rng(seed), len(frame)
    columns = {
        feature.name: rng.uniform(feature.minimum, min(feature.maximum, 50.0), rows)
        for feature in EXTENDED_FEATURES
    }
    columns[OWN_FREQUENCY] = frame["ordered_before"] * rng.beta(1 + 3 * frame["outcome"], 4)
    items = frame.groupby("order_id")["outcome"].transform("sum")
    columns |= {BASKET_SIZE: items + 2, SAMPLING_WEIGHT: np.ones(rows)}
    added = pd.DataFrame(columns, index=frame.index).astype("float32")
    return pd.concat([frame, added], axis="columns")


def sample_rows(frame: pd.DataFrame, share: float, seed: int) -> pd.DataFrame:
    """Keep every purchase and a share of the rest, with inverse-probability weights."""
    bought = frame["outcome"].to_numpy() == 1
    drawn = np.random.default_rng(seed).random(len(frame)) < share
    weight = np.where(bought, 1.0, 1 / share).astype("float32")
    return frame.assign(**{SAMPLING_WEIGHT: weight})[bought | drawn].reset_index(drop=True)


@pytest.fixture(scope="session")
def extended_frame() -> pd.DataFrame:
    """The small frame with every extended feature and metadata, as the schema leaves it."""
    return extend_feature_frame(build_feature_frame()).astype({"user_order_seq": "float64"})


@pytest.fixture(scope="session")
def make_feature_frame() -> Callable[..., pd.DataFrame]:
    """The builder, for tests that want another size or seed."""
    return build_feature_frame


@pytest.fixture(scope="session")
def _feature_frame() -> pd.DataFrame:
    return build_feature_frame()


@pytest.fixture
def feature_frame(_feature_frame: pd.DataFrame) -> pd.DataFrame:
    """60 days, 120 orders of 40 users, 30 products: 3,600 rows, about 7 purchases an order."""
    return _feature_frame.copy()
