"""Which orders are learnt from and which are held back: whole orders, by day, never shuffled.

Shares are shares of orders. A limit is the largest whole number of orders within a share, worked
out in exact fractions, so that seven of ten days are within 0.7.
"""

from collections.abc import Iterator
from fractions import Fraction
from math import floor
from typing import Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, model_validator

from push_propensity.errors import DataError
from push_propensity.frame.columns import (
    BASKET_SIZE,
    CREATED_AT,
    ORDER,
    OUTCOME,
    PRODUCT,
    SAMPLING_WEIGHT,
    USER,
)
from push_propensity.frame.weights import MINIMUM_PURCHASES, row_weights

TRAIN, VALIDATION, CALIBRATION, TEST = "train", "validation", "calibration", "test"
PARTS = (TRAIN, VALIDATION, CALIBRATION, TEST)
DEVELOPMENT = (TRAIN, VALIDATION)
MASK = npt.NDArray[np.bool_]
Basket = Literal["listed", "all"]


class SplitOptions(BaseModel):
    """Which orders count and how their days are shared out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    minimum_items: int = Field(default=5, ge=1, description="purchases that an order must hold")
    basket: Basket = Field(
        default="listed", description="which are counted: those in the frame, or basket_size"
    )
    train_share: float = Field(default=0.7, gt=0, lt=1, description="share of all orders")
    validation_share: float = Field(default=0.2, gt=0, lt=1, description="share of all orders")
    calibration_share: float = Field(
        default=1 / 3, gt=0, lt=1, description="share of validation's orders, its latest"
    )
    minimum_purchases: int = Field(default=100, ge=1, description="fewer are too few to learn from")
    minimum_ranked_products: int = Field(
        default=5, ge=0, description="products bought often enough on test, and in some fold"
    )

    @model_validator(mode="after")
    def _leave_orders_to_test(self) -> Self:
        if _exact(self.train_share) + _exact(self.validation_share) >= 1:
            raise ValueError("train_share + validation_share must be below 1, to leave a test part")
        return self


class FoldOptions(BaseModel):
    """Rolling-origin windows at the end of development (train and validation)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_windows: int = Field(default=3, ge=1, description="folds")
    window_share: float = Field(
        default=0.15, gt=0, lt=1, description="share of development's orders in each window"
    )

    @model_validator(mode="after")
    def _leave_orders_to_train(self) -> Self:
        if self.n_windows * _exact(self.window_share) >= 1:
            raise ValueError(
                "n_windows x window_share must be below 1, to leave orders to train on"
            )
        return self


class Split(NamedTuple):
    """The four parts of the kept orders, disjoint, complete and in order of time."""

    train: pd.DataFrame
    validation: pd.DataFrame
    calibration: pd.DataFrame
    test: pd.DataFrame


def keep_large_orders(
    frame: pd.DataFrame, minimum_items: int, basket: Basket = "listed"
) -> pd.DataFrame:
    """Return the rows of orders with at least so many purchases, in canonical order.

    Args:
        frame: A feature frame, rows in any order.
        minimum_items: The least number of items that an order must have.
        basket: What counts as an item: `listed`, a row with outcome 1; `all`, what `basket_size`
            counts, products that are not in the frame too.

    Returns:
        The kept rows sorted by `created_at`, `order_id` and `variant_id`, index from 0.

    Raises:
        DataError: No order has that many purchases, or the frame lacks `basket_size`.

    Examples:
        >>> times = pd.to_datetime(["2024-01-02 10:00", "2024-01-01 09:00", "2024-01-01 09:00"])
        >>> frame = pd.DataFrame(
        ...     {"created_at": times, "order_id": [8, 7, 7], "variant_id": [1, 2, 1], "outcome": 1}
        ... )
        >>> keep_large_orders(frame, minimum_items=2)[["order_id", "variant_id"]].values.tolist()
        [[7, 1], [7, 2]]
    """
    items = _count_items(frame, basket)
    large = items.index[items >= minimum_items]
    if large.empty:
        counted = BASKET_SIZE if basket == "all" else f"rows with {OUTCOME} 1"
        raise DataError(
            f"No order holds at least {minimum_items} purchases ({counted}); the "
            f"largest of {len(items):,} orders holds {items.max():.0f}. Bring more data or lower "
            "split.minimum_items."
        )
    # The keys alone are filtered and sorted, so that the whole frame is copied only once.
    rows = np.flatnonzero(frame[ORDER].isin(large))
    keys = frame[[CREATED_AT, ORDER, PRODUCT]].iloc[rows].reset_index(drop=True)
    order = keys.sort_values(list(keys.columns)).index.to_numpy()
    kept: pd.DataFrame = frame.iloc[rows[order]].reset_index(drop=True)
    return kept


def _count_items(frame: pd.DataFrame, basket: Basket) -> "pd.Series[float]":
    """Return the number of items of each order."""
    if basket == "listed":
        return frame.groupby(ORDER, sort=False)[OUTCOME].sum()
    if BASKET_SIZE not in frame:
        raise DataError(
            f"split.basket is all, and the feature frame has no column {BASKET_SIZE}. Build the "
            "frame from raw tables, or set split.basket to listed."
        )
    return frame.groupby(ORDER, sort=False)[BASKET_SIZE].first()


def plan_split(kept: pd.DataFrame, options: SplitOptions) -> pd.DataFrame:
    """Decide which part each day belongs to.

    A day is train while the cumulative share of orders up to and including it is within
    `train_share`, validation while it is within `train_share + validation_share`, else test. A
    validation day stays validation while the cumulative share of validation's orders is within
    `1 - calibration_share`, else it is calibration.

    Args:
        kept: Rows of the orders that count.
        options: Shares and the least number of purchases.

    Returns:
        One row per day with orders, in order: `day`, `orders`, `purchases`, `part`.

    Raises:
        DataError: There are too few purchases, or a part gets no order or no purchase.

    Examples:
        >>> days = pd.date_range("2024-01-01", periods=10)
        >>> kept = pd.DataFrame({"created_at": days, "order_id": range(10), "outcome": 1})
        >>> options = SplitOptions(calibration_share=0.5, minimum_purchases=10)
        >>> plan_split(kept, options).groupby("part")["orders"].sum().to_dict()
        {'calibration': 1, 'test': 1, 'train': 7, 'validation': 1}
    """
    days = _count_days(kept)
    purchases = int(days["purchases"].sum())
    if purchases < options.minimum_purchases:
        raise DataError(
            f"Too few purchases to learn from: {purchases:,} in {days['orders'].sum():,} orders, "
            f"expected at least {options.minimum_purchases:,}. Bring more data or lower "
            "split.minimum_purchases."
        )
    train = _exact(options.train_share)
    outer = _within(days["orders"], [train, train + _exact(options.validation_share)])
    part = np.array([TRAIN, VALIDATION, TEST], dtype=object)[outer]
    held = part == VALIDATION
    inner = _within(days.loc[held, "orders"], [1 - _exact(options.calibration_share)])
    part[held] = np.array([VALIDATION, CALIBRATION], dtype=object)[inner]
    planned = days.assign(part=pd.array(part, dtype="str"))
    _require_purchases(planned)
    return planned


def split_orders(kept: pd.DataFrame, days: pd.DataFrame) -> Split:
    """Cut the kept orders into the parts of their days.

    Args:
        kept: Rows of the orders that count.
        days: The plan made by `plan_split` of the same orders.

    Returns:
        The four parts; each keeps the rows' order and has an index from 0.
    """
    part = _part_of_rows(kept, days)
    return Split(*(_take(kept, part == PARTS.index(name)) for name in PARTS))


def require_unsampled_windows(kept: pd.DataFrame, days: pd.DataFrame) -> None:
    """Stop where rows were left out of a window that must be whole: any but train.

    Args:
        kept: Rows of the orders that count.
        days: The plan made by `plan_split` of the same orders.

    Raises:
        DataError: A row after train has a sampling weight other than 1.
    """
    if SAMPLING_WEIGHT not in kept:
        return
    part = _part_of_rows(kept, days)
    sampled = np.bincount(part[kept[SAMPLING_WEIGHT].to_numpy() != 1], minlength=len(PARTS))
    found = [f"{n:,} in {name}" for name, n in zip(PARTS, sampled, strict=True) if n]
    if sampled[1:].any():
        raise DataError(
            f"Rows may be sampled in {TRAIN} only; {SAMPLING_WEIGHT} other than 1 has "
            f"{', '.join(found)}. Build the frame with every candidate row of the later orders, "
            "or make train end later by split.train_share."
        )


def _part_of_rows(kept: pd.DataFrame, days: pd.DataFrame) -> npt.NDArray[np.intp]:
    """Return the position in `PARTS` of each row's part, shape (rows,)."""
    position = days.set_index("day")["part"].map(PARTS.index)
    return order_days(kept).map(position).to_numpy(dtype=np.intp)


def _take(frame: pd.DataFrame, mask: MASK) -> pd.DataFrame:
    """Return the rows of a mask with an index from 0; no copy where they stand together."""
    rows = np.flatnonzero(mask)
    together = len(rows) > 0 and rows[-1] - rows[0] + 1 == len(rows)
    chosen = slice(rows[0], rows[-1] + 1) if together else rows
    return frame.iloc[chosen].reset_index(drop=True)


def summarise_split(*parts: pd.DataFrame) -> dict[str, dict[str, str | int | float]]:
    """Return the first and last day and the numbers of each of the four parts, ready for JSON."""
    return {name: summarise_part(part) for name, part in zip(PARTS, parts, strict=True)}


def summarise_part(part: pd.DataFrame) -> dict[str, str | int | float]:
    """Return the first and last day and the numbers of some rows, ready for JSON."""
    day = order_days(part)
    return {
        "first_day": f"{day.min():%Y-%m-%d}",
        "last_day": f"{day.max():%Y-%m-%d}",
        "days": day.nunique(),
        "orders": part[ORDER].nunique(),
        "rows": len(part),
        "candidate_rows": round(count_candidate_rows(part)),
        "users": part[USER].nunique(),
        "products": part[PRODUCT].nunique(),
        "purchases": int(part[OUTCOME].sum()),
        "purchase_share": purchase_share(part),
    }


def count_candidate_rows(rows: pd.DataFrame) -> float:
    """Return how many candidate rows these rows, which may be a sample, stand for.

    Examples:
        >>> count_candidate_rows(pd.DataFrame({"outcome": [1, 0], "sampling_weight": [1, 4]}))
        5.0
    """
    weight = row_weights(rows)
    return float(len(rows) if weight is None else weight.sum())


def purchase_share(rows: pd.DataFrame) -> float:
    """Return the share of purchases among the candidate rows that these rows stand for.

    Examples:
        >>> purchase_share(pd.DataFrame({"outcome": [1, 0], "sampling_weight": [1, 4]}))
        0.2
    """
    return float(rows[OUTCOME].sum() / count_candidate_rows(rows))


def join_development(train: pd.DataFrame, validation: pd.DataFrame) -> pd.DataFrame:
    """Join train and validation: the rows that models are compared on and fitted to."""
    return pd.concat([train, validation], ignore_index=True)


def roll_windows(
    development: pd.DataFrame, calibration: pd.DataFrame, test: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Roll the training and the calibration window to the end of the data.

    The calibration window keeps its share: of all orders, it gets the same part, by whole days,
    that it has of the orders before the test part.

    Args:
        development: The rows of train and validation together.
        calibration: The part after them.
        test: The part after it.

    Returns:
        The rows to train on and the later rows to calibrate on; nothing is left to test on.
    """
    orders = calibration[ORDER].nunique()
    share = Fraction(orders, development[ORDER].nunique() + orders)
    rows = pd.concat([development, calibration, test], ignore_index=True)
    days = _count_days(rows)
    late = _within(days["orders"], [1 - share])
    later = order_days(rows).isin(days.loc[late == 1, "day"])
    return rows[~later].reset_index(drop=True), rows[later].reset_index(drop=True)


def cut_folds(days: pd.DataFrame, options: FoldOptions) -> pd.DataFrame:
    """Cut rolling-origin folds at the end of development (train and validation days).

    Walking back from development's last day, each validation window holds `window_share` of
    development's orders, by whole days; its training window is every earlier day, so it grows
    from fold to fold (Hyndman and Athanasopoulos, Forecasting: Principles and Practice, 3rd
    edition, section 5.10).

    Args:
        days: The plan made by `plan_split`.
        options: Number and size of the windows.

    Returns:
        One row per fold, earliest first: `fold` (from 1), `train_start`, `train_end`,
        `validation_start`, `validation_end` (days, all inclusive), `train_orders`,
        `train_purchases`, `validation_orders`, `validation_purchases`.

    Raises:
        DataError: A fold gets no order to train on or to validate on.

    Examples:
        >>> days = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=10), "part": "train"})
        >>> days = days.assign(orders=1, purchases=1)
        >>> folds = cut_folds(days, FoldOptions(n_windows=2, window_share=0.2))
        >>> folds[["fold", "train_orders", "validation_orders"]].values.tolist()
        [[1, 6, 2], [2, 8, 2]]
    """
    development = days[days["part"].isin(DEVELOPMENT)]
    share, count = _exact(options.window_share), options.n_windows
    window = _within(development["orders"], [1 - share * left for left in range(count, 0, -1)])
    return pd.DataFrame([_fold(development, window, fold, options) for fold in range(1, count + 1)])


def require_ranked_products(
    kept: pd.DataFrame, days: pd.DataFrame, folds: pd.DataFrame, options: SplitOptions
) -> None:
    """Stop where too few products are bought often enough to tell models apart.

    Args:
        kept: Rows of the orders that count.
        days: The plan made by `plan_split`.
        folds: The table made by `cut_folds`.
        options: The least number of products with `MINIMUM_PURCHASES` purchases.

    Raises:
        DataError: The test part or every fold has fewer of them.
    """
    day = order_days(kept)
    on_test = _count_ranked(kept[day.isin(days.loc[days["part"] == TEST, "day"])])
    windows = zip(folds["validation_start"], folds["validation_end"], strict=True)
    in_folds = [_count_ranked(kept[day.between(start, end)]) for start, end in windows]
    if min(on_test, max(in_folds)) < options.minimum_ranked_products:
        raise DataError(
            f"Too few products are bought at least {MINIMUM_PURCHASES} times to rank their users: "
            f"{on_test} on test and {', '.join(map(str, in_folds))} in the folds, expected "
            f"{options.minimum_ranked_products} on test and in one fold. Bring more data, or lower "
            "split.minimum_ranked_products if you can live with figures that luck decides."
        )


def _count_ranked(rows: pd.DataFrame) -> int:
    purchases = rows.groupby(PRODUCT, sort=False)[OUTCOME].sum()
    return int((purchases >= MINIMUM_PURCHASES).sum())


def fold_masks(development: pd.DataFrame, folds: pd.DataFrame) -> Iterator[tuple[int, MASK, MASK]]:
    """Yield each fold's number and the rows to train and to validate on.

    Args:
        development: The rows of train and validation together, in any order.
        folds: The table made by `cut_folds`.

    Yields:
        `(fold, train, validation)`: two boolean masks of shape `(len(development),)`.

    Examples:
        >>> days = pd.date_range("2024-01-01", periods=4)
        >>> fold = {"fold": 1, "train_start": days[0], "train_end": days[2]}
        >>> fold |= {"validation_start": days[3], "validation_end": days[3]}
        >>> rows = pd.DataFrame({"created_at": days, "order_id": range(4)})
        >>> [(number, train, validation)] = fold_masks(rows, pd.DataFrame([fold]))
        >>> train.tolist(), validation.tolist()
        ([True, True, True, False], [False, False, False, True])
    """
    day = order_days(development)
    for fold in folds.to_dict("records"):
        train = day.between(fold["train_start"], fold["train_end"])
        validation = day.between(fold["validation_start"], fold["validation_end"])
        yield int(fold["fold"]), train.to_numpy(), validation.to_numpy()


def order_days(frame: pd.DataFrame) -> "pd.Series[pd.Timestamp]":
    """Return each row's day: that of its order's first time, so that orders stay whole.

    Examples:
        >>> times = pd.to_datetime(["2024-01-01 23:59", "2024-01-02 00:01"])
        >>> frame = pd.DataFrame({"order_id": [7, 7], "created_at": times})
        >>> order_days(frame).dt.day.tolist()
        [1, 1]
    """
    first = frame.groupby(ORDER, sort=False)[CREATED_AT].transform("min")
    day: pd.Series[pd.Timestamp] = first.dt.normalize()
    return day


def _exact(share: float) -> Fraction:
    """Return the simple fraction that a share stands for: 7/10 for 0.7, 1/3 for 0.3333333."""
    return Fraction(share).limit_denominator(1_000_000)


def _within(orders: "pd.Series[int]", shares: list[Fraction]) -> npt.NDArray[np.intp]:
    """Return for each day how many of the rising shares its cumulative orders exceed."""
    cumulative = orders.cumsum().to_numpy()
    limits = [floor(share * int(orders.sum())) for share in shares]
    return np.searchsorted(limits, cumulative, side="left")


def _count_days(kept: pd.DataFrame) -> pd.DataFrame:
    """Return one row per day with orders: `day`, `orders`, `purchases`."""
    rows = kept[[ORDER, OUTCOME]].assign(day=order_days(kept))
    grouped = rows.groupby("day")
    orders, purchases = grouped[ORDER].nunique(), grouped[OUTCOME].sum().astype("int64")
    return pd.DataFrame({"orders": orders, "purchases": purchases}).reset_index()


def _require_purchases(days: pd.DataFrame) -> None:
    purchases = days.groupby("part")["purchases"].sum().reindex(PARTS, fill_value=0)
    empty = [str(name) for name in purchases.index[purchases == 0]]
    if empty:
        raise DataError(
            f"No purchases for {', '.join(empty)}: {days['orders'].sum():,} orders on "
            f"{len(days):,} days cannot be cut by whole days into {', '.join(PARTS)}. Bring data "
            "over more days or change the shares under split."
        )


def _fold(
    development: pd.DataFrame, window: npt.NDArray[np.intp], fold: int, options: FoldOptions
) -> dict[str, object]:
    """Describe one fold; days of window `fold` validate, days of earlier windows train."""
    train, validation = development[window < fold], development[window == fold]
    if not (train["purchases"].sum() and validation["purchases"].sum()):
        raise DataError(
            f"Fold {fold} of {options.n_windows} has {train['orders'].sum():,} orders to train on "
            f"and {validation['orders'].sum():,} to validate on, out of "
            f"{development['orders'].sum():,} on {len(development):,} days; it needs both. Bring "
            "data over more days or change folds.n_windows and folds.window_share."
        )
    return {
        "fold": fold,
        "train_start": train["day"].iloc[0],
        "train_end": train["day"].iloc[-1],
        "validation_start": validation["day"].iloc[0],
        "validation_end": validation["day"].iloc[-1],
        "train_orders": train["orders"].sum(),
        "train_purchases": train["purchases"].sum(),
        "validation_orders": validation["orders"].sum(),
        "validation_purchases": validation["purchases"].sum(),
    }
