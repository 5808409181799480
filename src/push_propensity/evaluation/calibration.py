"""Whether probabilities can be read as such on test: sums against purchases, slope, intercept."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import norm

from push_propensity.evaluation.bootstrap import Resamples
from push_propensity.evaluation.options import ReportOptions
from push_propensity.evaluation.scored import entries_of
from push_propensity.evaluation.slices import labels, parts
from push_propensity.evaluation.uncertainty import Measure, Metrics
from push_propensity.frame.columns import OUTCOME, PRODUCT, PRODUCT_TYPE, USER
from push_propensity.frame.weights import Floats
from push_propensity.models.calibration import (
    METHODS,
    Calibration,
    Levels,
    clip_probability,
    fit_sigmoid,
)
from push_propensity.models.purchase_model import PurchaseModel

PARTS = ("segment", "product_type")
UNKNOWN = Calibration(np.nan, np.nan, np.nan)


def describe_fits(**models: PurchaseModel) -> pd.DataFrame:
    """How each entry was fitted and calibrated.

    Args:
        **models: The fitted entries.

    Returns:
        One row per family fitted: entry, fitted_rows, method, a, b, c and the log loss of each
        method on users of the calibration window that it was not fitted to; NaN where something
        was not measured.
    """
    rows = []
    for model in {model.name: model for model in models.values()}.values():
        told = model.calibration.describe()
        losses = told.pop("log_loss")
        rows.append({"entry": model.name, "fitted_rows": model.fitted_rows} | told | losses)
    columns = ["entry", "fitted_rows", "method", "a", "b", "c", *METHODS]
    return pd.DataFrame(rows, columns=columns).astype({"fitted_rows": "float64"})


def measure_calibration(
    test_scores: pd.DataFrame, winner: Mapping[str, Any], report_options: ReportOptions
) -> pd.DataFrame:
    """Expected and observed purchases, calibration slope and intercept, with intervals.

    Slope and intercept are those of a logistic regression of the outcome on the log-odds (Cox,
    1958): 1 and 0 where probabilities are right; a slope below 1 where they are too extreme.

    Args:
        test_scores: From `score_entries`.
        winner: With the name of the winner as `candidate`.
        report_options: The resamples, and from how many purchases on a slope is measured.

    Returns:
        Rows of entry, dimension, slice, rows, purchases, expected (the sum of probabilities),
        ratio (purchases by expected), slope and intercept, these three with `_low` and `_high`;
        NaN where not defined. Every entry has a row for all rows (dimension and slice `all`), the
        winner also one for repeat, explore and each product type of `slices.labels`.
    """
    resamples = report_options.resample(test_scores[USER])
    user = resamples.positions(test_scores[USER])
    y, minimum = test_scores[OUTCOME].to_numpy(), report_options.minimum_slice_purchases
    rows = []
    for entry, dimension, name, part in _measured(test_scores, winner, minimum):
        p = test_scores[entry].to_numpy()[part]
        values = _measure(y[part], p, user[part], resamples, minimum)
        rows.append({"entry": entry, "dimension": dimension, "slice": name} | values)
    return pd.DataFrame(rows)


def _measured(
    scores: pd.DataFrame, winner: Mapping[str, Any], minimum: int
) -> Iterator[tuple[str, str, str, NDArray[np.intp] | slice]]:
    """Yield entry, dimension, slice and rows of everything to measure."""
    for entry in entries_of(scores):
        yield entry, "all", "all", slice(None)
    for place in parts(labels(scores, minimum), PARTS):
        yield str(winner["candidate"]), *place


def _measure(
    outcome: Floats,
    probability: Floats,
    user: NDArray[np.intp],
    resamples: Resamples,
    minimum: int,
) -> dict[str, float]:
    """What a row of `measure_calibration` says, besides where it was measured."""
    x = logit(clip_probability(probability))
    levels, purchases = Levels.of(x, outcome).whole(), outcome.sum()
    told = minimum <= purchases <= len(outcome) - minimum and len(levels.margin) > 1
    fitted = fit_sigmoid(levels) if told else UNKNOWN
    expected = probability.sum()
    values = {"ratio": purchases / expected, "slope": fitted.a, "intercept": fitted.c}
    drawn = resamples.measure(_redraw(outcome, probability, x, fitted, user, resamples))
    ends = {
        f"{name}_{end}": limit
        for name, value in values.items()
        for end, limit in zip(("low", "high"), resamples.interval(drawn[name], value), strict=True)
    }
    sizes = {"rows": len(outcome), "purchases": int(purchases), "expected": float(expected)}
    return sizes | values | ends


def _redraw(
    outcome: Floats,
    probability: Floats,
    x: Floats,
    fitted: Calibration,
    user: NDArray[np.intp],
    resamples: Resamples,
) -> Measure:
    """Return what gives ratio, slope and intercept for how often each user is drawn.

    A resample's slope and intercept are one Newton step from those of all rows (Moulton and Zeger,
    1991), so a resample costs sums over users and no fit.
    """
    p = expit(fitted.a * x + fitted.c)
    gap, spread = outcome - p, p * (1 - p)
    columns = (outcome, probability, gap, gap * x, spread, spread * x, spread * x**2)
    sums = [resamples.sums(user, values) for values in columns]

    def measure(drawn: Floats) -> Metrics:
        bought, expected, g, gx, s, sx, sxx = (total(drawn) for total in sums)
        with np.errstate(invalid="ignore", divide="ignore"):
            determinant = s * sxx - sx**2
            return {
                "ratio": bought / expected,
                "slope": fitted.a + (s * gx - sx * g) / determinant,
                "intercept": fitted.c + (sxx * g - sx * gx) / determinant,
            }

    return measure


def count_products(
    test_scores: pd.DataFrame, winner: Mapping[str, Any], report_options: ReportOptions
) -> pd.DataFrame:
    """Sums of the winner's probabilities against purchases, product by product.

    The deviate is Freeman and Tukey's (1950), sqrt(n) + sqrt(n + 1) - sqrt(4 m + 1) for n purchases
    where m are expected: about standard normal where purchases are independent and rare.

    Args:
        test_scores: From `score_entries`.
        winner: With the name of the winner as `candidate`.
        report_options: With the confidence outside of which a deviate is surprising.

    Returns:
        One row per product: product, product_type, rows, purchases, expected, deviate and
        surprising (true or false); those furthest from what was expected first.
    """
    grouped = test_scores.groupby(PRODUCT, sort=True)
    table = pd.DataFrame(
        {
            "product_type": grouped[PRODUCT_TYPE].first().astype(str),
            "rows": grouped.size(),
            "purchases": grouped[OUTCOME].sum().astype(int),
            "expected": grouped[winner["candidate"]].sum(),
        }
    )
    n, m = table["purchases"], table["expected"]
    deviate = np.sqrt(n) + np.sqrt(n + 1) - np.sqrt(4 * m + 1)
    surprising = deviate.abs() > _furthest_by_chance(report_options)
    ranked = table.assign(deviate=deviate, surprising=surprising)
    ranked = ranked.sort_values("deviate", key=abs, ascending=False, kind="stable")
    return ranked.rename_axis("product").reset_index()


def limits_of_chance(expected: Floats, report_options: ReportOptions) -> tuple[Floats, Floats]:
    """Fewest and most purchases that are not surprising in the sense of `count_products`.

    Args:
        expected: Purchases expected, shape (n,).
        report_options: With the confidence.

    Returns:
        Numbers of purchases, not rounded, both of shape (n,).
    """
    limit, middle = _furthest_by_chance(report_options), np.sqrt(4 * expected + 1)
    fewest, most = (
        # sqrt(n) + sqrt(n + 1) = t has the solution sqrt(n) = (t - 1 / t) / 2.
        ((t - 1 / t) / 2).clip(0) ** 2
        for t in (np.maximum(middle - limit, 1.0), middle + limit)
    )
    return fewest, most


def _furthest_by_chance(options: ReportOptions) -> float:
    """How far a standard normal number lies from 0 at most, with the configured confidence."""
    return float(norm.ppf((1 + options.confidence) / 2))
