"""Variants fitted and measured on the same folds, with paired differences to their references."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rich import get_console
from rich.progress import track
from scipy.special import expit

from push_propensity.errors import DataError
from push_propensity.evaluation.bootstrap import Resamples, judge
from push_propensity.evaluation.metrics import (
    HEADLINE,
    ProductRanking,
    evaluate_segments,
    headline_by_segment,
)
from push_propensity.frame.columns import (
    OUTCOME,
    PRODUCT,
    USER,
)
from push_propensity.frame.split import fold_masks
from push_propensity.frame.weights import row_weights
from push_propensity.models.purchase_model import draw_training_rows, margin
from push_propensity.selection.sweep import MEASURED, EncodedFold, fit_boosted
from push_propensity.selection.variants.options import StudyOptions
from push_propensity.selection.variants.variants import Variant

logger = logging.getLogger(__name__)

Floats = NDArray[np.float64]
POOLED = ("average_precision", "log_loss")


@dataclass(frozen=True)
class FittedVariant:
    """What a variant gave on a fold.

    Attributes:
        probability: Of the fold's validation rows, shape (rows,).
        columns: How many columns the estimator saw.
        rounds: Rounds of boosting; NaN where not boosted.
    """

    probability: Floats
    columns: int
    rounds: float


@dataclass(frozen=True)
class ScoredFold:
    """A fold's validation rows, without features, and what each variant gave on them."""

    rows: pd.DataFrame
    fitted: dict[str, FittedVariant]


def measure_variants(
    development: pd.DataFrame,
    folds: pd.DataFrame,
    variants: Sequence[Variant],
    options: StudyOptions,
) -> pd.DataFrame:
    """Fit every variant on the latest folds and measure it.

    Args:
        development: The rows of train and validation together.
        folds: The table of `splits.cut_folds`.
        variants: What to try; all draw the same training rows.
        options: How many folds, which share of the rows, the bootstrap.

    Returns:
        One row per variant: variant, reference, features and columns (how many), rounds, the
        product average precision for all, repeat and explore rows, pooled average precision and
        log loss (means over the folds), then difference (of product average precision, variant
        minus reference), low and high (its paired bootstrap interval over users) and verdict.

    Raises:
        DataError: If the training rows lack an outcome, or a selection leaves no column.
    """
    latest = folds.tail(options.folds)
    scored = [
        _score_fold(development, fold, train, validation, variants, options)
        for fold, train, validation in fold_masks(development, latest)
    ]
    return _tabulate(scored, variants, options)


def _score_fold(
    development: pd.DataFrame,
    fold: int,
    train: NDArray[np.bool_],
    validation: NDArray[np.bool_],
    variants: Sequence[Variant],
    options: StudyOptions,
) -> ScoredFold:
    """Fit the variants one after the other; the rows are drawn once, columns taken as needed."""
    entry = variants[0].entry
    rows, weight = draw_training_rows(development, entry.negative_share, entry.seed, train)
    drawn = development.iloc[rows]
    held = development.iloc[np.flatnonzero(validation)]
    fitted = {}
    for variant in _progress(variants, f"fold {fold}"):
        fitted[variant.name] = _fit(variant, drawn, weight, held, options)
        logger.info("Fold %d: fitted %s", fold, variant.name)
    return ScoredFold(held[[name for name in (USER, *MEASURED) if name in held]], fitted)


def _progress(variants: Sequence[Variant], text: str) -> Iterable[Variant]:
    return track(variants, text, transient=True, disable=not get_console().is_terminal)


def _fit(
    variant: Variant,
    drawn: pd.DataFrame,
    weight: Floats,
    validation: pd.DataFrame,
    options: StudyOptions,
) -> FittedVariant:
    entry, encoder = variant.entry, variant.make_encoder()
    outcome = drawn[OUTCOME].to_numpy()
    encoded = encoder.fit_transform(drawn, outcome)
    if not encoded.shape[1]:
        raise DataError(
            f"The variant '{variant.name}' has no column left. Raise "
            "feature_study.inverse_l1_penalty, or bring more data."
        )
    fold = EncodedFold(encoded, outcome, weight, encoder.transform(validation), validation)
    estimator: Any = entry.definition.estimator(entry.complete({}), entry.seed, entry.threads)
    if not entry.definition.boosted:
        estimator.fit(fold.train, outcome, sample_weight=weight)
        rounds = float("nan")
    else:
        fit_boosted(estimator, fold, entry, options.most_rounds)
        rounds = estimator.best_iteration + 1.0
    return FittedVariant(expit(margin(estimator, fold.validation)), encoded.shape[1], rounds)


def _ranking(rows: pd.DataFrame, probability: Floats) -> ProductRanking:
    return ProductRanking.of(rows[OUTCOME].to_numpy(), probability, rows[PRODUCT].to_numpy())


def _tabulate(
    scored: Sequence[ScoredFold], variants: Sequence[Variant], options: StudyOptions
) -> pd.DataFrame:
    table = pd.DataFrame([_measure(scored, variant) for variant in variants])
    resamples = options.resample(np.concatenate([fold.rows[USER] for fold in scored]))
    drawn = _resample(scored, resamples)
    values = table.set_index("variant")[HEADLINE]
    compared = []
    for variant in variants:
        name, other = variant.name, variant.reference
        difference = values[name] - values[other]
        low, high = resamples.interval(drawn[name] - drawn[other], difference)
        if name != other:
            found = (name, other, difference, low, high)
            logger.info("%s minus %s: product AP %+.3f (%+.3f to %+.3f)", *found)
        compared.append((difference, low, high, judge(low, high)))
    columns = ["difference", "low", "high", "verdict"]
    return table.join(pd.DataFrame(compared, columns=columns))


def _measure(scored: Sequence[ScoredFold], variant: Variant) -> dict[str, Any]:
    """Means over the folds; a fold that cannot be ranked is left out of the product's."""
    fits = [fold.fitted[variant.name] for fold in scored]
    measured = pd.concat(
        evaluate_segments(fold.rows, fit.probability)
        for fold, fit in zip(scored, fits, strict=True)
    )
    means = measured.groupby("segment")[[HEADLINE, *POOLED]].mean()
    return {
        "variant": variant.name,
        "reference": variant.reference,
        "features": len(variant.features),
        "columns": round(np.mean([fit.columns for fit in fits])),
        "rounds": float(np.median([fit.rounds for fit in fits])),
        **headline_by_segment(means),
        **{metric: means.loc["all", metric] for metric in POOLED},
    }


def _mean(of_folds: Sequence[Floats]) -> Floats:
    """Mean over the folds that can be ranked, shape (resamples,)."""
    return pd.DataFrame(of_folds).mean().to_numpy()


def _resample(scored: Sequence[ScoredFold], resamples: Resamples) -> pd.DataFrame:
    """Product average precision of each variant on each resample of the users of all folds."""
    users = [resamples.positions(fold.rows[USER]) for fold in scored]
    totals = {
        name: [
            resamples.ranking(
                _ranking(fold.rows, fold.fitted[name].probability), user, row_weights(fold.rows)
            )
            for fold, user in zip(scored, users, strict=True)
        ]
        for name in scored[0].fitted
    }
    return resamples.measure(
        lambda drawn: {
            name: _mean([count(drawn).average_precision() for count in folds])
            for name, folds in totals.items()
        }
    )
