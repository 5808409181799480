"""From trials to a winner: the chosen trial of each entry, the leaderboard and the choice."""

import json
from dataclasses import asdict, replace
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict

from push_propensity.errors import DataError
from push_propensity.evaluation.metrics import HEADLINE, METRICS
from push_propensity.frame.columns import FeatureChoice, choose_features
from push_propensity.models.candidates import CandidateOptions
from push_propensity.models.fingerprint import digest_rows, digest_values
from push_propensity.scoring.bundle import Fingerprint


class SelectionOptions(BaseModel):
    """Which features the candidates use, and how one trial is chosen among those of a candidate.

    Attributes:
        features: `frame` for those that every frame has, `extended` for these and every extended
            feature that the frame has.
        rule: `best` takes the highest mean product average precision over the folds;
            `one_standard_error` the simplest trial whose distance to it is within one standard
            error of their paired difference (Breiman et al., 1984, paired by fold).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: Literal["best", "one_standard_error"] = "one_standard_error"
    features: FeatureChoice = "frame"


def pick_features(frame: pd.DataFrame, selection_options: SelectionOptions) -> tuple[str, ...]:
    """Name the features of a frame that the candidates are compared with and trained on.

    Raises:
        DataError: If extended features are asked for and the frame has none.
    """
    return choose_features(frame.columns, selection_options.features)


def choose_trial(
    trials: pd.DataFrame, candidate: CandidateOptions, selection_options: SelectionOptions
) -> dict[str, Any]:
    """Choose the trial that stands for a candidate, of those that were not given up.

    Args:
        trials: The candidate's table of `sweep`, trials numbered from the simplest model.
        candidate: The entry that it was made with.
        selection_options: The rule.

    Returns:
        candidate, kind, trial, rule, features, parameters (boosting rounds go as far as the median
        best round of the folds did) and the mean product average precision over the folds.

    Raises:
        DataError: If no fold has a product that is bought often enough to be ranked.
    """
    scores = _scores(trials)
    means = scores.mean(axis="columns")
    best: Any = means.idxmax()
    chosen = best if selection_options.rule == "best" else _simplest_within_error(scores, best)
    rows = trials[(trials["trial"] == chosen) & (trials["segment"] == "all")]
    return {
        "candidate": str(rows["candidate"].iloc[0]),
        "kind": str(rows["kind"].iloc[0]),
        "trial": int(chosen),
        "rule": selection_options.rule,
        "features": selection_options.features,
        "parameters": _settle(rows, candidate),
        HEADLINE: float(means[chosen]),
    }


def _scores(trials: pd.DataFrame) -> pd.DataFrame:
    """Product average precision, one row per trial and one column per fold that has one."""
    rows = trials[(trials["segment"] == "all") & ~trials["given_up"]]
    scores = rows.pivot_table(index="trial", columns="fold", values=HEADLINE)
    if scores.empty:
        raise DataError(
            "No fold holds a product with enough purchases to rank its users. Give more data, or "
            "larger folds by `folds.window_share`."
        )
    return scores


def _simplest_within_error(scores: pd.DataFrame, best: Any) -> Any:
    """The first trial that is not worse than the best by more than one standard error."""
    behind = -scores.sub(scores.loc[best], axis="columns")
    error = behind.sem(axis="columns").fillna(0.0)
    return scores.index[behind.mean(axis="columns") <= error][0]


def _settle(rows: pd.DataFrame, candidate: CandidateOptions) -> dict[str, Any]:
    point = json.loads(rows["parameters"].iloc[0])
    return candidate.settled(point, rows["n_estimators"].median()).model_dump()


def combine_trials(*tables: pd.DataFrame) -> pd.DataFrame:
    """Put the trials of all entries into one table, those of a stand-in of several entries once."""
    together = pd.concat(tables, ignore_index=True)
    key = ["candidate", "trial", "fold", "segment"]
    return together.drop_duplicates(key, ignore_index=True)


def build_leaderboard(trials: pd.DataFrame, *chosen: dict[str, Any]) -> pd.DataFrame:
    """Set the chosen trials of all entries beside each other, best first.

    Args:
        trials: The tables of all sweeps, one below the other.
        chosen: What `choose_trial` gave for each entry.

    Returns:
        One row per family that was measured: candidate, kind, is_winner, trials (how many were
        made), given_up (how many of them before all folds were measured), parameters (of the best,
        JSON text), folds, folds_ranked (those with a product to rank users of; the others are left
        out of the product metrics), the mean of products and purchases_covered, the mean over the
        folds of each metric with its standard error, and the headline for repeat and explore rows.
    """
    measured = {choice["candidate"]: choice for choice in chosen}
    table = pd.DataFrame([_entry(trials, choice) for choice in measured.values()])
    table = table.sort_values([HEADLINE, "candidate"], ascending=[False, True], ignore_index=True)
    candidates = table.index[table["kind"] == "candidate"]
    table.insert(2, "is_winner", table.index == candidates[0])
    return table


def _entry(trials: pd.DataFrame, choice: dict[str, Any]) -> dict[str, Any]:
    tried = trials[trials["candidate"] == choice["candidate"]]
    rows = tried[tried["trial"] == choice["trial"]]
    segment = dict(iter(rows.groupby("segment")))
    everything = segment["all"]
    entry = {
        "candidate": choice["candidate"],
        "kind": choice["kind"],
        "trials": int(tried["trials"].iloc[0]),
        "given_up": int(tried.loc[tried["given_up"], "trial"].nunique()),
        "parameters": json.dumps(choice["parameters"], sort_keys=True),
        "folds": len(everything),
        "folds_ranked": int(everything[HEADLINE].count()),
        "products": everything["products"].mean(),
        "purchases_covered": everything["purchases_covered"].mean(),
    }
    for metric in METRICS:
        entry[metric] = everything[metric].mean()
        entry[f"{metric}_standard_error"] = everything[metric].sem()
    for name in ("repeat", "explore"):
        entry[f"{HEADLINE}_{name}"] = segment[name][HEADLINE].mean()
    return entry


def choose_winner(
    leaderboard: pd.DataFrame,
    trials: pd.DataFrame,
    fingerprint: Fingerprint,
    *chosen: dict[str, Any],
) -> dict[str, Any]:
    """Choose the candidate with the highest mean product average precision.

    Args:
        leaderboard: The table of `build_leaderboard`.
        trials: The tables of all sweeps.
        fingerprint: What the sweeps were made from, but for their budgets.
        chosen: What `choose_trial` gave for each entry.

    Returns:
        The winner's choice, with `runner_up`, the next candidate, and `baseline`, the best one to
        beat: the name of each, the mean difference over the folds and its standard error (paired by
        fold; null where there is one fold); null where there is none. Last the `fingerprint`, of
        which the trials are a part, by which what is made with this winner knows it.
    """
    by_name = {choice["candidate"]: choice for choice in chosen}
    best, *others = leaderboard.loc[leaderboard["kind"] == "candidate", "candidate"]
    baselines = leaderboard.loc[leaderboard["kind"] == "baseline", "candidate"].to_list()
    winner = dict(by_name[best])
    for role, names in (("runner_up", others), ("baseline", baselines)):
        other = by_name[names[0]] if names else None
        winner[role] = _distance(by_name[best], other, trials) if other else None
    made_from = {
        "parameters": fingerprint.parameters,
        "trials": digest_rows([trials], trials.columns),
    }
    winner["fingerprint"] = asdict(replace(fingerprint, parameters=digest_values(made_from)))
    return winner


def _distance(
    choice: dict[str, Any], other: dict[str, Any], trials: pd.DataFrame
) -> dict[str, Any]:
    first, second = (
        _scores(trials[trials["candidate"] == each["candidate"]]).loc[each["trial"]]
        for each in (choice, other)
    )
    difference = (first - second).dropna()
    error = difference.sem()
    return {
        "candidate": other["candidate"],
        "difference": float(difference.mean()),
        "standard_error": None if pd.isna(error) else float(error),
    }
