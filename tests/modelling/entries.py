"""Small entries of the selection, quick to fit."""

from collections.abc import Sequence

import pandas as pd

from push_propensity.frame.columns import FEATURE_NAMES
from push_propensity.models.candidates import CandidateOptions, Candidates
from push_propensity.models.families import ENTRIES, FAMILIES
from push_propensity.models.purchase_model import PurchaseModel, fit_model

# What is fitted where the frame has the 27 columns alone.
FAMILY_NAMES = tuple(FAMILIES[name].stand_in or name for name in ENTRIES)
CANDIDATE_NAMES = tuple(name for name in FAMILIES if FAMILIES[name].kind == "candidate")

PARAMETERS = {
    "logistic_l2": {"C": 0.1},
    "logistic_elastic_net": {"C": 0.05, "l1_ratio": 0.5},
    "xgboost": {"max_depth": 3, "learning_rate": 0.3, "n_estimators": 12},
}
SWEEPS = {
    "logistic_l2": {"C": [10.0, 0.001]},
    "logistic_elastic_net": {"C": [0.1, 0.001]},
    "xgboost": {"max_depth": [3, 1]},
}


def entry(family: str, **changes) -> CandidateOptions:
    given = {
        "family": family,
        "parameters": PARAMETERS.get(family, {}),
        "sweep": SWEEPS.get(family, {}),
        "search": {"early_stopping_rounds": 3},
        "minimum_negatives": 0,
        "seed": 11,
        "threads": 1,
    }
    search = given["search"] | changes.pop("search", {})
    return CandidateOptions(**given | {"search": search} | changes)


CANDIDATES = Candidates(**{name: entry(name) for name in ENTRIES})


def fit(
    frame: pd.DataFrame,
    options: CandidateOptions,
    features: Sequence[str] = FEATURE_NAMES,
    **parameters,
) -> PurchaseModel:
    return fit_model(frame, options, options.complete(parameters), features)
