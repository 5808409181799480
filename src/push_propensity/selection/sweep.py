"""Fitting and measuring on rolling-origin folds: the sweep of a candidate, trial by trial.

The feature study measures its variants with the same functions.
"""

import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import pandas as pd
from rich import get_console
from rich.progress import track
from scipy.special import expit

from push_propensity.evaluation.metrics import evaluate_segments
from push_propensity.frame.columns import (
    FEATURE_NAMES,
    ORDERED_BEFORE,
    OUTCOME,
    PRODUCT,
    SAMPLING_WEIGHT,
    USER,
)
from push_propensity.frame.split import MASK, fold_masks
from push_propensity.models.candidates import BUDGET, CandidateOptions
from push_propensity.models.family import EncodedRows, Floats, FoldRows
from push_propensity.models.fingerprint import digest_values
from push_propensity.models.purchase_model import draw_rows, require_both_outcomes
from push_propensity.scoring.bundle import Fingerprint
from push_propensity.selection.choice import SelectionOptions, pick_features
from push_propensity.selection.studies import Studies

if TYPE_CHECKING:
    from push_propensity.selection.search import Point, Records, Trial

logger = logging.getLogger(__name__)

T = TypeVar("T")

KEYS = (
    "candidate",
    "kind",
    "trials",
    "trial",
    "given_up",
    "fold",
    "segment",
    "parameters",
    "n_estimators",
)
IN_MEMORY = Studies()
SEARCHES = ("optuna", "scikit-learn")  # what trials are drawn and encoded by
UNTRIED: Any = {"calibration": True, "negative_share": True}  # of what is chosen alone
MEASURED = (USER, PRODUCT, OUTCOME, ORDERED_BEFORE, SAMPLING_WEIGHT)  # what metrics are made of


@dataclass(frozen=True)
class EncodedFold:
    """One fold, encoded once for all trials of a candidate.

    Attributes:
        measured: The columns of the validation part that metrics are made of.
        columns: How many columns an estimator sees.
        shared: What the family made of the rows.
    """

    measured: pd.DataFrame
    columns: int
    shared: Any

    @classmethod
    def of(
        cls,
        development: pd.DataFrame,
        train: MASK,
        validation: MASK,
        options: CandidateOptions,
        encoder: Any,
    ) -> "EncodedFold":
        """Fit the encoder to the rows drawn from the fold's training part alone and encode both.

        Of a large frame no more is copied than is needed: the rows drawn, and what measures.
        """
        share, seed, least = options.search.negative_share, options.seed, options.minimum_negatives
        rows, weight = draw_rows(development, share, seed, train, least)
        drawn = development.iloc[rows]
        outcome = drawn[OUTCOME].to_numpy()
        require_both_outcomes(outcome, "training")
        fitted = EncodedRows(encoder.fit_transform(drawn, outcome), outcome, weight)
        del drawn
        held = encoder.transform(development.iloc[np.flatnonzero(validation)])
        measured = development.loc[validation, [n for n in MEASURED if n in development]]
        looked_at, weight = draw_rows(measured, share, seed, minimum_negatives=least)
        outcome = measured[OUTCOME].to_numpy()[looked_at]
        fold = FoldRows(fitted, EncodedRows(held[looked_at], outcome, weight), held)
        shared = options.definition.share(fold, options.threads)
        return cls(measured, fitted.encoded.shape[1], shared)


@dataclass(frozen=True)
class FittedTrial:
    """What one setting of a candidate gave on a fold.

    Attributes:
        probability: Of the fold's validation rows, shape (rows,).
        columns: How many columns the estimator saw.
        best_round: Rounds of boosting; NaN where not boosted.
    """

    probability: Floats
    columns: int
    best_round: float


def fit_trial(fold: EncodedFold, point: "Point", options: CandidateOptions) -> FittedTrial:
    """Fit a point of a candidate's sweep to a fold, as a search does, and score its rows."""
    margin, best_round = options.definition.fit_trial(
        fold.shared, options.searched(point), options.seed, options.threads, options.stopping
    )
    return FittedTrial(expit(margin), fold.columns, best_round)


def sweep_candidate(
    development: pd.DataFrame,
    folds: pd.DataFrame,
    candidate: CandidateOptions,
    selection_options: SelectionOptions,
    fingerprint: Fingerprint,
    studies: Studies,
) -> pd.DataFrame:
    """Fit and measure the trials of one candidate on the folds; see `sweep`.

    Args:
        development: The rows of train and validation together, in canonical order.
        folds: The table of `split.cut_folds`.
        candidate: The entry.
        selection_options: The choice of features.
        fingerprint: Of the selection.
        studies: Where trials are kept, those of an unfinished search for instance.
    """
    features = pick_features(development, selection_options)
    entry = candidate.measurable_on(development.columns)
    depends_on = {
        "data": fingerprint.data,
        "code": fingerprint.code,
        "libraries": [entry.definition.library, *((name, version(name)) for name in SEARCHES)],
        "folds": folds.astype("str").to_dict("list"),
        "features": features,
        "candidate": entry.model_dump(exclude=BUDGET | UNTRIED),
    }
    return sweep(development, folds, entry, features, studies, digest_values(depends_on)[:16])


def sweep(
    development: pd.DataFrame,
    folds: pd.DataFrame,
    options: CandidateOptions,
    features: Sequence[str] = FEATURE_NAMES,
    studies: Studies = IN_MEMORY,
    study: str = "",
) -> pd.DataFrame:
    """Search the sweep of a candidate, each trial measured on the folds until it is given up.

    Args:
        development: The rows of train and validation together.
        folds: The table of `split.cut_folds`.
        options: The family, its sweep, how to search and train it.
        features: The columns that a candidate uses; a baseline has its own.
        studies: Where trials are kept.
        study: A digest of what the trials depend on.

    Returns:
        One row per (trial, fold, segment), trials numbered from the simplest model: candidate (the
        family that was fitted), kind, trials (how many were made; a point may be tried again),
        trial, given_up (before all folds were measured), fold,
        segment, parameters (JSON text), n_estimators (best round of the search; NaN where not
        boosted), then what `evaluate` gives.
    """
    # Imports Optuna; see `studies`.
    from push_propensity.selection.search import Search

    entry = options.measurable_on(development.columns)
    parts = {fold: (train, held) for fold, train, held in fold_masks(development, folds)}

    @cache
    def encode(fold: int) -> EncodedFold:
        encoder = entry.definition.encoder(features)
        return EncodedFold.of(development, *parts[fold], entry, encoder)

    def measure(fold: int, point: "Point") -> "Records":
        return _measure(encode(fold), entry, fold, point)

    kept = studies.open(entry.family, study)
    search = Search(entry, [partial(measure, fold) for fold in parts], kept)
    trials = list(show_progress(search.trials(), entry.family, search.total))
    table = _tabulate(entry, trials)
    logger.info(
        "%s: tried %d of %d settings, %d of them in an earlier run, and gave up %d early",
        entry.family,
        len(trials),
        search.total,
        search.known,
        sum(trial.given_up for trial in trials),
    )
    return table


def _measure(
    encoded: EncodedFold, options: CandidateOptions, fold: int, point: "Point"
) -> "Records":
    """One record per segment."""
    fitted = fit_trial(encoded, point, options)
    measured = evaluate_segments(encoded.measured, fitted.probability)
    measured.insert(0, "fold", fold)
    measured.insert(0, "n_estimators", fitted.best_round)
    return cast("Records", measured.to_dict("records"))


def _tabulate(options: CandidateOptions, trials: Sequence["Trial"]) -> pd.DataFrame:
    """Number the points that were tried from the simplest model to the most complex.

    Of a point that was tried again, what was measured on most folds counts.
    """
    points: dict[str, Trial] = {}
    for trial in trials:
        point = json.dumps(trial.point, sort_keys=True)
        points[point] = max(points.get(point, trial), trial, key=lambda known: len(known.folds))
    tables = []
    for trial in points.values():
        table = pd.DataFrame([record for records in trial.folds for record in records])
        settled = options.settled(trial.point, table["n_estimators"].median())
        entry: dict[str, Any] = {
            "candidate": options.family,
            "kind": options.definition.kind,
            "parameters": json.dumps(options.complete(trial.point).model_dump(), sort_keys=True),
            "given_up": trial.given_up,
            "trials": len(trials),
        }
        tables.append((options.definition.complexity(settled), table.assign(**entry)))
    tables.sort(key=lambda sized: sized[0])
    numbered = [table.assign(trial=number) for number, (_, table) in enumerate(tables)]
    together = pd.concat(numbered, ignore_index=True)
    return together[[*KEYS, *(name for name in together if name not in KEYS)]]


def show_progress(steps: Iterable[T], text: str, total: int) -> Iterable[T]:
    """Draw a bar on a terminal while the steps are taken, with the time that is left."""
    hidden = not get_console().is_terminal
    return track(steps, text, total=total, transient=True, disable=hidden)
