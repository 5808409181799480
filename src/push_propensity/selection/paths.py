"""Regularisation paths: how the score moved with each parameter that was swept."""

import json
import math

import pandas as pd

from push_propensity.evaluation.metrics import HEADLINE

COLUMNS = {
    "candidate": "str",
    "parameter": "str",
    "trial": "int64",
    "setting": "str",
    "value": "float64",
    "mean": "float64",
    "low": "float64",
    "high": "float64",
    "folds": "int64",
    "behind": "float64",
    "behind_standard_error": "float64",
    "on_path": "bool",
    "crossed": "bool",
}


def trace_regularisation(trials: pd.DataFrame) -> pd.DataFrame:
    """Score of each trial against each of its swept parameters.

    Args:
        trials: One row per (candidate, trial, fold, segment), with kind, given_up, parameters (JSON
            text) and the headline metric. Trials that were given up are left out.

    Returns:
        One row per (candidate, parameter, trial): setting (text), value (NaN where the setting is
        no number), mean, low, high (over the folds), folds, behind (mean over the folds of the
        candidate's best trial minus this one), behind_standard_error, on_path: the best trial at
        this setting, and crossed: each setting was measured with each one of the other parameters,
        so that its own part can be told. Parameters that never varied are left out.
    """
    whole = (trials["segment"] == "all") & ~trials["given_up"]
    chosen = trials[(trials["kind"] == "candidate") & whole]
    if chosen.empty:
        return pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)
    key = ["candidate", "trial", "parameters"]
    spread = chosen.groupby(key)[HEADLINE].agg(mean="mean", low="min", high="max", folds="count")
    measured = spread.join(_behind(chosen), on=["candidate", "trial"]).reset_index()
    tidy = pd.DataFrame(
        [
            row | {"parameter": name} | _written(value)
            for row in measured.to_dict("records")
            for name, value in json.loads(row["parameters"]).items()
        ],
        columns=list(COLUMNS),
    )
    varied = _varied(tidy.astype(COLUMNS | {"on_path": "object", "crossed": "object"}))
    return _crossed(_on_path(varied)).astype(COLUMNS)


def _behind(chosen: pd.DataFrame) -> pd.DataFrame:
    """Distance of each trial to its candidate's best one, paired by fold."""
    scores = chosen.pivot_table(index=["candidate", "trial"], columns="fold", values=HEADLINE)
    means = scores.mean(axis="columns")
    best = means.groupby("candidate").transform("idxmax")
    distance = scores.loc[best].set_axis(scores.index) - scores
    mean, error = distance.mean(axis="columns"), distance.sem(axis="columns")
    return pd.DataFrame({"behind": mean, "behind_standard_error": error})


def _written(value: object) -> dict[str, object]:
    """A parameter's value as text and, if it is one, as a number."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return {"setting": f"{value:g}", "value": float(value)}
    return {"setting": value if isinstance(value, str) else json.dumps(value), "value": math.nan}


def _varied(tidy: pd.DataFrame) -> pd.DataFrame:
    tried = tidy.groupby(["candidate", "parameter"])["setting"].transform("nunique")
    return tidy[tried > 1]


def _on_path(tidy: pd.DataFrame) -> pd.DataFrame:
    """Mark the best trial at each setting, the first one on a tie."""
    key = ["candidate", "parameter", "setting"]
    ranked = tidy.sort_values(["mean", "trial"], ascending=[False, True], kind="stable")
    marked = ranked.assign(on_path=~ranked.duplicated(key) & ranked["mean"].notna())
    return marked.sort_values(["candidate", "parameter", "trial"], ignore_index=True)


def _crossed(tidy: pd.DataFrame) -> pd.DataFrame:
    """Mark the candidates whose trials are all points of a grid."""
    settings = tidy.groupby(["candidate", "parameter"])["setting"].nunique()
    points = settings.groupby("candidate").prod()
    measured = tidy.groupby("candidate")["trial"].nunique()
    return tidy.assign(crossed=tidy["candidate"].map(measured == points))
