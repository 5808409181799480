"""A check that no feature looks ahead: another future must leave every row before it as it is."""

import logging
from datetime import datetime, timedelta

import ibis
import ibis.expr.types as ir
import pandas as pd
from pydantic import Field

from push_propensity.errors import DataError
from push_propensity.features.build import PAIR, frame_of_points
from push_propensity.features.options import FeatureOptions, Options
from push_propensity.features.point_in_time.scrambling import Scramble, scramble_future
from push_propensity.features.points import repeat_orders
from push_propensity.features.raw_tables import RawTables, read_raw_tables
from push_propensity.frame.columns import BASKET_SIZE, CREATED_AT, ORDER, OUTCOME, PRODUCT

logger = logging.getLogger(__name__)

OF_THE_ORDER_ITSELF = (OUTCOME, BASKET_SIZE)
ONE_MICROSECOND = timedelta(microseconds=1)


class PointInTimeOptions(Options):
    """How thoroughly it is checked that features come from the past.

    Attributes:
        cutoffs: At how many moments, drawn from those of the repeat orders.
        orders: How many orders before each cutoff are compared, the latest ones.
        seed: Seed of the cutoffs and of what is made up after them.
    """

    cutoffs: int = Field(3, ge=1)
    orders: int = Field(100, ge=1)
    seed: int = 0


def check_point_in_time(
    feature_options: FeatureOptions, point_in_time: PointInTimeOptions, **tables: ir.Table | None
) -> pd.DataFrame:
    """Compare rows of the feature frame before and after all that came later is replaced.

    Args:
        feature_options: Windows, defaults and which extended groups are built.
        point_in_time: How many cutoffs and orders.
        **tables: The raw tables as `raw_tables.read_raw_tables` takes them.

    Returns:
        One row per cutoff, from when on all events were replaced, and column: cutoff, column
        (variant_id stands for which products are listed), rows (how many were compared) and
        different_rows (how many have another value after that; of variant_id, how many are in one
        of the frames only). The outcome and the basket size of an order at the cutoff or later are
        not compared: they are what is not known before.

    Raises:
        DataError: The raw tables cannot be used, or give no rows to compare.
    """
    options, checks = feature_options, point_in_time
    raw = read_raw_tables(options, **tables)
    lag = timedelta(seconds=round(options.lag_hours * 3600))
    found: list[tuple[datetime, str, int, int]] = []
    for cutoff in draw_cutoffs(raw, options, checks):
        scramble = Scramble(cutoff, cutoff + lag, checks.seed)
        scrambled = read_raw_tables(options, **scramble_future(tables, scramble))
        latest = _latest_orders(raw, options, scramble.until, checks.orders)
        before, after = (_frame(which, latest, options) for which in (raw, scrambled))
        found += compare_frames(before, after, cutoff)
    checked = pd.DataFrame(found, columns=["cutoff", "column", "rows", "different_rows"])
    if not checked["rows"].any():
        raise DataError(
            "There is nothing to check: no product is listed for any order before the cutoffs. "
            "Take more orders (point_in_time.orders) or a longer feature_options.listing_days."
        )
    return checked


def draw_cutoffs(
    raw: RawTables, options: FeatureOptions, checks: PointInTimeOptions
) -> list[datetime]:
    """Return moments of repeat orders, drawn by the seed, in order of time."""
    points = repeat_orders(raw, options.lag_hours, options.first_order_date)
    drawn = (f"{checks.seed} " + points[ORDER].cast("string")).hexdigest("md5")
    chosen = points.mutate(drawn=drawn).order_by("drawn").limit(checks.cutoffs)
    return sorted(set(chosen.select("moment").to_pyarrow()["moment"].to_pylist()))


def compare_frames(
    before: ir.Table, after: ir.Table, cutoff: datetime
) -> list[tuple[datetime, str, int, int]]:
    """Count per column the rows of two frames that differ, by their exact values."""
    joined = before.outer_join(after, PAIR, rname="{name}_after")
    in_both = joined[PRODUCT].notnull() & joined[f"{PRODUCT}_after"].notnull()
    is_past = joined[CREATED_AT] < ibis.literal(cutoff).cast("timestamp(6)")
    measures = {f"rows_{PRODUCT}": joined.count(), f"different_{PRODUCT}": (~in_both).sum()}
    for name in before.columns:
        if name not in PAIR:
            compared = in_both & is_past if name in OF_THE_ORDER_ITSELF else in_both
            same = joined[name].identical_to(joined[f"{name}_after"])
            measures[f"rows_{name}"] = compared.sum()
            measures[f"different_{name}"] = (compared & ~same).sum()
    [counts] = joined.aggregate(**measures).to_pyarrow().to_pylist()
    return [
        (cutoff, name, int(counts[f"rows_{name}"] or 0), int(counts[f"different_{name}"] or 0))
        for name in before.columns
        if f"rows_{name}" in counts
    ]


def require_no_look_ahead(checked: pd.DataFrame) -> None:
    """Log that no row changed.

    Args:
        checked: What `check_point_in_time` gives.

    Raises:
        DataError: Rows changed; names every column with such rows, its cutoff and the counts.
    """
    differing = checked[checked["different_rows"] > 0]
    if differing.empty:
        logger.info(
            "Features come from the past: %d columns at %d cutoffs, no row of %s changed.",
            checked["column"].nunique(),
            checked["cutoff"].nunique(),
            f"{checked.groupby('cutoff')['rows'].max().sum():,}",
        )
        return
    found = [
        f"at {cutoff}: "
        + ", ".join(
            f"{row.column} ({row.different_rows:,} of {row.rows:,} rows)"
            for row in group.itertuples()
        )
        for cutoff, group in differing.groupby("cutoff")
    ]
    raise DataError(
        "Features must come from what was before their moment, and these changed when later "
        f"events did; {'; '.join(found)}. Correct the functions that make these columns."
    )


def _latest_orders(
    raw: RawTables, options: FeatureOptions, until: datetime, number: int
) -> pd.DataFrame:
    points = repeat_orders(raw, options.lag_hours, options.first_order_date)
    before = points.filter(points[CREATED_AT] <= until).select(ORDER, CREATED_AT)
    newest_first = [before[CREATED_AT].desc(), before[ORDER].desc()]
    latest: pd.DataFrame = before.order_by(newest_first).limit(number).to_pandas()
    return latest


def _frame(raw: RawTables, orders: pd.DataFrame, options: FeatureOptions) -> ir.Table:
    after = orders[CREATED_AT].min().to_pydatetime() - ONE_MICROSECOND
    points = repeat_orders(raw, options.lag_hours, options.first_order_date, after)
    chosen = points.filter(points[ORDER].isin(orders[ORDER].tolist()))
    return frame_of_points(raw, chosen, options)
