"""New orders are added to a feature frame; what was built before stays as it is."""

import logging
from datetime import datetime

import ibis.expr.types as ir

from push_propensity.errors import DataError
from push_propensity.features.build import frame_of_points
from push_propensity.features.constants import constant
from push_propensity.features.listing import list_products
from push_propensity.features.options import FeatureOptions
from push_propensity.features.points import repeat_orders
from push_propensity.features.raw_tables import RawTables
from push_propensity.frame.columns import SAMPLING_WEIGHT

logger = logging.getLogger(__name__)


def extend_feature_frame(raw: RawTables, frame: ir.Table, options: FeatureOptions) -> ir.Table:
    """Return the frame with the rows of the orders that came after its latest one.

    A row depends on nothing later than its moment, so the rows that are there need not be built
    anew. New rows are never sampled.

    Args:
        raw: The raw tables, all of them.
        frame: What `build_feature_frame` made with the same options.
        options: Windows, defaults and which extended groups to build.

    Raises:
        DataError: The frame has other columns than the options ask for, or the group `text`, or
            the raw tables hold orders that should be in it and are not, because they came late.
    """
    if "text" in options.extended.groups:
        raise DataError(
            "The group text compares the names of all products, so each new one changes the "
            "features of earlier orders too. Build the frame anew: kedro run --pipelines "
            "feature_engineering."
        )
    latest: datetime = frame.created_at.max().to_pyarrow().as_py()
    points = repeat_orders(raw, options.lag_hours, options.first_order_date)
    later = repeat_orders(raw, options.lag_hours, options.first_order_date, after=latest)
    new = frame_of_points(raw, later, options)
    weighted = [name for name in frame.columns if name not in new.columns]
    if set(new.columns) - set(frame.columns) or set(weighted) - {SAMPLING_WEIGHT}:
        raise DataError(
            "The feature frame has other columns than feature_options.extended.groups asks for. "
            "Build it anew: kedro run --pipelines feature_engineering."
        )
    missing = points.filter(points.created_at <= latest).anti_join(frame, "order_id")
    _require_no_late_orders(list_products(raw, missing, options))
    orders = later.count().to_pyarrow().as_py()
    logger.info("Adding %s repeat orders made after %s", f"{orders:,}", latest)
    weights = {name: constant(1.0) for name in weighted}
    alike = new.mutate(**weights).select(*frame.columns).cast(frame.schema())
    return frame.union(alike).order_by("created_at", "order_id", "variant_id")


def _require_no_late_orders(missing: ir.Table) -> None:
    late = missing.order_id.nunique().to_pyarrow().as_py()
    if late:
        raise DataError(
            f"{late:,} orders came late: they are older than the latest order of the feature frame "
            "and not in it, and would change the features of orders after them. Build the frame "
            "anew: kedro run --pipelines feature_engineering."
        )
