"""Small entries of the selection, quick to fit."""

from collections.abc import Sequence

import pandas as pd

from push_propensity.frame.columns import COLUMNS, FEATURE_NAMES
from push_propensity.models.candidates import CandidateOptions, Candidates
from push_propensity.models.families import ENTRIES, FAMILIES
from push_propensity.models.purchase_model import PurchaseModel, fit_model

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
        "early_stopping_rounds": 3,
        "seed": 11,
        "threads": 1,
    }
    return CandidateOptions(**given | changes)


CANDIDATES = Candidates(**{name: entry(name) for name in ENTRIES})
# What the entries are where the frame has the 27 columns alone; a stand-in may be so of several.
MEASURED = tuple(options.measurable_on(COLUMNS).family for options in CANDIDATES.values())
FAMILY_NAMES = tuple(dict.fromkeys(MEASURED))


def fit(
    frame: pd.DataFrame,
    options: CandidateOptions,
    features: Sequence[str] = FEATURE_NAMES,
    **parameters,
) -> PurchaseModel:
    return fit_model(frame, options, options.complete(parameters), features)
