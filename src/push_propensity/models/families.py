"""The families of models there are, and which of them a run compares by default.

A new family is one line here and one entry under `candidates` in the parameters.
"""

from push_propensity.frame.columns import (
    DECAYED_FREQUENCY,
    NEIGHBOUR_SHARE,
    ORDERED_BEFORE,
    OWN_FREQUENCY,
    POPULARITY,
)
from push_propensity.models.baselines import Constant, Rule
from push_propensity.models.boosted import BoostedTrees, XGBoostParameters
from push_propensity.models.family import Family
from push_propensity.models.linear import (
    LogisticElasticNetParameters,
    LogisticL2Parameters,
    PenalisedLogistic,
)

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Constant("constant", "Constant", columns=(POPULARITY,), about="the constant knows nothing"),
        Rule("global_popularity", "Popularity", columns=(POPULARITY,)),
        Rule(
            "ordered_before_popularity",
            "Ordered-before rule",
            columns=(ORDERED_BEFORE, POPULARITY),
            about=(
                "the ordered-before rule ranks users who bought the product before first, then by "
                "its popularity"
            ),
        ),
        Rule(
            "own_frequency",
            "Own-frequency rule",
            columns=(OWN_FREQUENCY, POPULARITY),
            about=(
                "the own-frequency rule ranks users by the share of their orders that held the "
                "product, then by its popularity"
            ),
            stand_in="ordered_before_popularity",
        ),
        Rule(
            "decayed_frequency",
            "Decayed-frequency rule",
            columns=(DECAYED_FREQUENCY, POPULARITY),
            about=(
                "the decayed-frequency rule ranks users by the share of their orders that held the "
                "product, where an order weighs half as much for every 56 days that it is older, "
                "then by its popularity"
            ),
            stand_in="own_frequency",
        ),
        Rule(
            "neighbour_frequency",
            "Neighbours rule",
            columns=(NEIGHBOUR_SHARE, OWN_FREQUENCY, POPULARITY),
            about=(
                "the neighbours rule ranks users by the share of their own orders, and of the "
                "latest orders of the users most like them, that held the product, then by its "
                "popularity"
            ),
            stand_in="own_frequency",
        ),
        PenalisedLogistic("logistic_l2", "L2 logistic regression", LogisticL2Parameters),
        PenalisedLogistic(
            "logistic_elastic_net", "Elastic-net logistic regression", LogisticElasticNetParameters
        ),
        BoostedTrees("xgboost", "XGBoost", XGBoostParameters),
    )
}
# What stands beside each other on the leaderboard. Where a family's stand-in is an entry too, the
# leaderboard shows it once.
ENTRIES: tuple[str, ...] = (
    "constant",
    "global_popularity",
    "own_frequency",
    "decayed_frequency",
    "neighbour_frequency",
    "logistic_l2",
    "logistic_elastic_net",
    "xgboost",
)
BASELINE = "own_frequency"  # the one to beat
