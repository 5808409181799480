"""What quality survives when the features of an order are taken hours before it.

A push goes out before the user comes back, so the last carts and regulars are not yet known.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from push_propensity.errors import DataError
from push_propensity.evaluation.bootstrap import Resamples
from push_propensity.evaluation.metrics import (
    HEADLINE,
    ProductRanking,
    evaluate_segments,
    headline_by_segment,
)
from push_propensity.evaluation.options import ReportOptions
from push_propensity.evaluation.uncertainty import headline_measure
from push_propensity.features import FeatureOptions, RawTables, build_feature_frame
from push_propensity.frame.columns import METADATA, ORDER, ORDERED_BEFORE, OUTCOME, PRODUCT, USER
from push_propensity.frame.contract import check_feature_frame
from push_propensity.frame.split import order_days
from push_propensity.models.families import BASELINE
from push_propensity.models.fingerprint import digest_rows, digest_values
from push_propensity.models.purchase_model import PurchaseModel

logger = logging.getLogger(__name__)

Hours = Annotated[float, Field(ge=0, allow_inf_nan=False)]
KEYS = [ORDER, USER, PRODUCT, OUTCOME, ORDERED_BEFORE]
COLUMNS = (
    "lag_hours",
    "as_tested",
    "entry",
    "orders",
    "rows",
    "purchases",
    f"{HEADLINE}_repeat",
    f"{HEADLINE}_explore",
    "average_precision",
    HEADLINE,
    f"{HEADLINE}_low",
    f"{HEADLINE}_high",
    "kept",
    "kept_low",
    "kept_high",
    "made_from",
)


class LagOptions(BaseModel):
    """How long before an order its features are taken, in hours; that of the frame is added."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    hours: tuple[Hours, ...] = Field(default=(0.0, 1.0, 24.0), min_length=1)

    def with_frame(self, lag_hours: float) -> list[float]:
        """The lags to measure: that of the feature frame, then the others by size."""
        return [lag_hours, *sorted({*self.hours} - {lag_hours})]


def score_at_lag(
    raw: RawTables,
    test: pd.DataFrame,
    models: Sequence[PurchaseModel],
    options: FeatureOptions,
    hours: float,
) -> pd.DataFrame:
    """Score the orders of the test part with features taken so many hours before them.

    Products that were not listed at that time have no row, bought or not.

    Args:
        raw: The raw tables that the feature frame was built from.
        test: The test part.
        models: Fitted models of the frame's features.
        options: What the feature frame was built with.
        hours: How long before an order.

    Returns:
        One row per order of test and product listed at the time: the keys, outcome, ordered_before
        and a probability per model.

    Raises:
        DataError: If the raw tables or the options are no longer those of the feature frame.
    """
    first_day = order_days(test).min().date()
    changed = {"lag_hours": hours, "first_order_date": first_day}
    built = build_feature_frame(raw, options.model_copy(update=changed))
    missing = set(test.columns) - set(built.columns) - set(METADATA)
    if missing:
        raise DataError(
            f"The test part has {len(missing)} features that feature_options does not ask for. "
            "Build the frame and select the models anew: kedro run with the same --env."
        )
    with TemporaryDirectory() as folder:  # an engine's driver cannot hold what a file can
        built.to_parquet(path := f"{folder}/frame.parquet")
        rows = pd.read_parquet(path)
    frame = check_feature_frame(rows[rows[ORDER].isin(test[ORDER])])
    return frame[KEYS].assign(**{model.name: model.predict(frame) for model in models})


def study_lags(
    raw: RawTables,
    test: pd.DataFrame,
    winner: Mapping[str, Any],
    feature_options: FeatureOptions,
    lag_study: LagOptions,
    report_options: ReportOptions,
    **models: PurchaseModel,
) -> pd.DataFrame:
    """Measure the winner and the baseline to beat on test, their features taken earlier.

    Args:
        raw: The raw tables that the feature frame was built from.
        test: The test part.
        winner: With the name of the winner as `candidate`.
        feature_options: What the feature frame was built with.
        lag_study: How long before an order.
        report_options: The resamples.
        **models: The fitted entries.

    Returns:
        What `measure_lags` gives.
    """
    chosen = [models[winner["candidate"]], models[BASELINE]]
    scores = (
        (hours, score_at_lag(raw, test, chosen, feature_options, hours))
        for hours in lag_study.with_frame(feature_options.lag_hours)
    )
    resamples = report_options.resample(test[USER])
    return measure_lags(scores, resamples, digest_origin(winner, test))


def measure_lags(
    scores: Iterable[tuple[float, pd.DataFrame]], resamples: Resamples, made_from: str
) -> pd.DataFrame:
    """Measure every model at every lag, on the same resamples of the users.

    Args:
        scores: Lags, in hours, with what `score_at_lag` gave; first the lag of the feature frame.
        resamples: Of the test part's users.
        made_from: From `digest_origin`.

    Returns:
        One row per lag and model: lag_hours, as_tested (whether it is the lag of the feature
        frame), entry, orders, rows, purchases, the product average precision with low and high, its
        values for repeat and explore rows, pooled average precision, `kept` with low and high: the
        share of the product average precision at the frame's lag (paired), and made_from: a digest
        by which `select_lags` knows winner and test part again.
    """
    whole: dict[str, tuple[float, pd.Series]] = {}
    rows: list[dict[str, Any]] = []
    for hours, scored in scores:
        user = resamples.positions(scored[USER])
        for entry in scored.columns[len(KEYS) :]:
            ranking = ProductRanking.of(scored[OUTCOME], scored[entry], scored[PRODUCT])
            value = ranking.average_precision()
            drawn = resamples.measure(headline_measure(ranking, user, resamples))[HEADLINE]
            key = {"lag_hours": hours, "as_tested": entry not in whole, "entry": entry}
            first = whole.setdefault(entry, (value, drawn))
            found = _with_intervals((value, drawn), first, resamples)
            rows.append(key | _sizes(scored, entry) | found)
            shown = (hours, entry, value, found[f"{HEADLINE}_low"], found[f"{HEADLINE}_high"])
            logger.info("%g h before the order, %s: product AP %.3f (%.3f to %.3f)", *shown)
    return pd.DataFrame(rows).assign(made_from=made_from)[list(COLUMNS)]


def _with_intervals(
    measured: tuple[float, pd.Series], first: tuple[float, pd.Series], resamples: Resamples
) -> dict[str, float]:
    """The headline metric and the share of its first value, with the ends of their intervals."""
    (value, drawn), (whole, drawn_whole) = measured, first
    low, high = resamples.interval_of_share(drawn, value)
    kept_low, kept_high = resamples.interval(drawn / drawn_whole, value / whole)
    return {
        HEADLINE: value,
        f"{HEADLINE}_low": low,
        f"{HEADLINE}_high": high,
        "kept": value / whole,
        "kept_low": kept_low,
        "kept_high": kept_high,
    }


def _sizes(scored: pd.DataFrame, entry: str) -> dict[str, Any]:
    measured = evaluate_segments(scored, scored[entry]).set_index("segment")
    return {
        "orders": scored[ORDER].nunique(),
        "rows": len(scored),
        "purchases": int(scored[OUTCOME].sum()),
        **headline_by_segment(measured),
        "average_precision": measured.loc["all", "average_precision"],
    }


def select_lags(
    lag_metrics: pd.DataFrame | None, test: pd.DataFrame, winner: dict[str, Any]
) -> pd.DataFrame:
    """Return the table of lags if it is of this winner and test part, else one without rows.

    Args:
        lag_metrics: From `measure_lags`; None where it was never measured.
        test: The test part.
        winner: The winner of the selection.
    """
    if lag_metrics is None:
        return pd.DataFrame(columns=list(COLUMNS))
    if set(lag_metrics.get("made_from", [])) != {digest_origin(winner, test)}:
        logger.warning(
            "The table of lags is of another model or test part and is left out of the report. "
            "Measure it anew: kedro run --pipelines lag_study,reporting."
        )
        return lag_metrics.iloc[:0]
    return lag_metrics


def digest_origin(winner: Mapping[str, Any], test: pd.DataFrame) -> str:
    """Digest the winner and the test part, by which a table of lags is known again."""
    known = {name: winner.get(name) for name in ("candidate", "fingerprint")}
    return digest_values(known | {"test": digest_rows([test], sorted(test.columns))})
