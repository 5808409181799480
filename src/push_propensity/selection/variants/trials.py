"""Variants fitted and measured on the same folds, with paired differences to their references."""

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from push_propensity.errors import DataError
from push_propensity.evaluation.bootstrap import Resamples, judge
from push_propensity.evaluation.metrics import (
    HEADLINE,
    ProductRanking,
    RunningTotals,
    evaluate_segments,
    headline_by_segment,
)
from push_propensity.frame.columns import OUTCOME, PRODUCT, USER
from push_propensity.frame.split import MASK, fold_masks
from push_propensity.frame.weights import row_weights
from push_propensity.models.candidates import Candidates
from push_propensity.models.family import Floats
from push_propensity.selection.sweep import EncodedFold, FittedTrial, fit_trial, show_progress
from push_propensity.selection.variants.options import StudyOptions, quick, with_winner
from push_propensity.selection.variants.variants import (
    BOOSTED,
    LINEAR,
    Variant,
    ablation_variants,
    encoding_variants,
)

logger = logging.getLogger(__name__)

POOLED = ("average_precision", "log_loss")


@dataclass(frozen=True)
class ScoredFold:
    """A fold's validation rows, without features, and the one trial of each variant on them."""

    rows: pd.DataFrame
    trials: dict[str, FittedTrial]


def ablate_features(
    development: pd.DataFrame,
    folds: pd.DataFrame,
    winner: dict[str, Any],
    candidates: Candidates,
    feature_study: StudyOptions,
) -> pd.DataFrame:
    """Measure boosted trees with and without each group of extended features."""
    entry = quick(with_winner(candidates[BOOSTED], winner), feature_study)
    variants = ablation_variants(development.columns, entry)
    return measure_variants(development, folds, variants, feature_study)


def try_encodings(
    development: pd.DataFrame,
    folds: pd.DataFrame,
    winner: dict[str, Any],
    candidates: Candidates,
    feature_study: StudyOptions,
) -> pd.DataFrame:
    """Measure encodings of the categories and selections of columns."""
    linear, boosted = (
        quick(with_winner(candidates[name], winner), feature_study) for name in (LINEAR, BOOSTED)
    )
    variants = encoding_variants(development.columns, linear, boosted, feature_study)
    return measure_variants(development, folds, variants, feature_study)


def measure_variants(
    development: pd.DataFrame,
    folds: pd.DataFrame,
    variants: Sequence[Variant],
    options: StudyOptions,
) -> pd.DataFrame:
    """Fit every variant on the latest folds and measure it.

    Args:
        development: The rows of train and validation together.
        folds: The table of `split.cut_folds`.
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
        _score_fold(development, fold, train, validation, variants)
        for fold, train, validation in fold_masks(development, latest)
    ]
    return _tabulate(scored, variants, options)


def _score_fold(
    development: pd.DataFrame,
    fold: int,
    train: MASK,
    validation: MASK,
    variants: Sequence[Variant],
) -> ScoredFold:
    """Fit the variants one after the other, each encoded on its own."""
    trials = {}
    for variant in show_progress(variants, f"fold {fold}", len(variants)):
        entry, encoder = variant.entry, variant.make_encoder()
        encoded = EncodedFold.of(development, train, validation, entry, encoder)
        if not encoded.columns:
            raise DataError(
                f"The variant '{variant.name}' has no column left. Raise "
                "feature_study.inverse_l1_penalty, or bring more data."
            )
        trials[variant.name] = fit_trial(encoded, {}, entry)
        logger.info("Fold %d: fitted %s", fold, variant.name)
    return ScoredFold(encoded.measured, trials)


def _tabulate(
    scored: Sequence[ScoredFold], variants: Sequence[Variant], options: StudyOptions
) -> pd.DataFrame:
    table = pd.DataFrame([_measure(scored, variant) for variant in variants])
    resamples = options.resample(np.concatenate([fold.rows[USER] for fold in scored]))
    drawn = resample_headline(
        [(fold.rows, {n: t.probability for n, t in fold.trials.items()}) for fold in scored],
        resamples,
    )
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
    name = variant.name
    measured = pd.concat(
        evaluate_segments(fold.rows, fold.trials[name].probability) for fold in scored
    )
    means = measured.groupby("segment")[[HEADLINE, *POOLED]].mean()
    return {
        "variant": name,
        "reference": variant.reference,
        "features": len(variant.features),
        "columns": round(np.mean([fold.trials[name].columns for fold in scored])),
        "rounds": float(np.median([fold.trials[name].best_round for fold in scored])),
        **headline_by_segment(means),
        **{metric: means.loc["all", metric] for metric in POOLED},
    }


def resample_headline(
    scored: Sequence[tuple[pd.DataFrame, Mapping[str, Floats]]], resamples: Resamples
) -> pd.DataFrame:
    """Measure the product average precision of several models on the same resamples.

    Args:
        scored: Of each fold the rows and their probabilities by each model, shape (rows,).
        resamples: Of the users of all folds.

    Returns:
        One row per resample and a column per model: the mean over the folds that can be ranked.
    """
    totals: dict[str, list[Callable[[Floats], RunningTotals]]] = defaultdict(list)
    for rows, probabilities in scored:
        user, weight = resamples.positions(rows[USER]), row_weights(rows)
        for name, probability in probabilities.items():
            ranking = ProductRanking.of(rows[OUTCOME], probability, rows[PRODUCT])
            totals[name].append(resamples.ranking(ranking, user, weight))

    def measure(drawn: Floats) -> dict[str, Floats]:
        of_folds = {
            name: [count(drawn).average_precision() for count in folds]
            for name, folds in totals.items()
        }
        return {name: pd.DataFrame(each).mean().to_numpy() for name, each in of_folds.items()}

    return resamples.measure(measure)
