"""What the feature study tries: groups of features, encodings and ways to select columns.

A variant differs from its reference in one thing.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sklearn.decomposition import PCA
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder

from push_propensity.errors import DataError
from push_propensity.frame.columns import (
    EXTENDED_GROUPS,
    FEATURE_NAMES,
    pick_numbers,
)
from push_propensity.models.candidates import CandidateOptions
from push_propensity.selection.variants.options import StudyOptions

FRAME = "frame features alone"
EXTENDED = "all extended features"
SMALLEST_COEFFICIENT = 1e-5
LINEAR, BOOSTED = "logistic_l2", "xgboost"  # the entries that the study is of

Encoder = Any
EncoderMaker = Callable[[Sequence[str]], Encoder]


@dataclass(frozen=True)
class Variant:
    """One thing that is tried.

    Attributes:
        name: In words, unique within a table.
        reference: The variant that it is compared with; the reference names itself.
        entry: The family, its parameters and how it is trained.
        features: The columns that it is given.
        encoder: Makes the transformer, not yet fitted, of these columns; a family's own where it is
            left out.
    """

    name: str
    reference: str
    entry: CandidateOptions
    features: tuple[str, ...]
    encoder: EncoderMaker | None = None

    def make_encoder(self) -> Encoder:
        """The transformer of its features, not yet fitted."""
        return (self.encoder or self.entry.definition.encoder)(self.features)


def extended_groups(columns: Collection[str]) -> dict[str, tuple[str, ...]]:
    """The groups of extended features that a frame has, with the columns that it has of each.

    Raises:
        DataError: If the frame has no extended feature.
    """
    named = {
        group: tuple(feature.name for feature in features if feature.name in columns)
        for group, features in EXTENDED_GROUPS.items()
    }
    present = {group: names for group, names in named.items() if names}
    if not present:
        raise DataError(
            "The feature study compares extended features, and the feature frame has none. Name "
            "feature_options.extended.groups, set start_from: raw_tables in globals.yml and run "
            "feature_engineering,data_processing,feature_study."
        )
    return present


def ablation_variants(columns: Collection[str], entry: CandidateOptions) -> list[Variant]:
    """The frame's features alone, with all extended ones, with one group, and without one group.

    Args:
        columns: The columns of the feature frame.
        entry: The candidate that is fitted to each choice of features.
    """
    groups = extended_groups(columns)
    extended = tuple(name for names in groups.values() for name in names)
    variants = [
        Variant(FRAME, FRAME, entry, FEATURE_NAMES),
        Variant(EXTENDED, FRAME, entry, FEATURE_NAMES + extended),
    ]
    if len(groups) == 1:
        return variants
    for group, names in groups.items():
        variants.append(Variant(f"frame and {group}", FRAME, entry, FEATURE_NAMES + names))
    for group, names in groups.items():
        others = tuple(name for name in extended if name not in names)
        variants.append(Variant(f"all but {group}", EXTENDED, entry, FEATURE_NAMES + others))
    return variants


def encoding_variants(
    columns: Collection[str],
    linear: CandidateOptions,
    boosted: CandidateOptions,
    options: StudyOptions,
) -> list[Variant]:
    """Encodings of the categories and selections of columns, for a linear and a boosted model.

    Target encoding and selection are fitted to the training rows alone; the target encoding of a
    training row does not use the row itself (cross-fitting, as scikit-learn's TargetEncoder does).
    Neither knows sampling weights: the rates that they see are those of the rows drawn.

    Args:
        columns: The columns of the feature frame; every feature among them is given.
        linear: The entry of the logistic regression.
        boosted: The entry of the boosted trees.
        options: Penalty of the selection, variance of the components, seed.
    """
    extended = (name for names in extended_groups(columns).values() for name in names)
    features = FEATURE_NAMES + tuple(extended)
    numbers = tuple(pick_numbers(features))
    one_hot, ordinal = "logistic, one-hot (as the candidate)", "XGBoost, ordinal (as the candidate)"
    of_linear, of_boosted = linear.definition.encoder, boosted.definition.encoder
    linear_without, boosted_without = (
        partial(_with_categories, "drop", encoder) for encoder in (of_linear, of_boosted)
    )
    rates: Any = TargetEncoder(cv=StratifiedKFold(5, shuffle=True, random_state=options.seed))
    linear_rates = partial(_with_categories, make_pipeline(rates, StandardScaler()), of_linear)
    boosted_rates = partial(_with_categories, rates, of_boosted)
    selected = partial(_selected_by_l1, options.inverse_l1_penalty, of_linear)
    components = partial(_components, options.pca_variance, of_linear)
    return [
        Variant(one_hot, one_hot, linear, features),
        Variant("logistic, without categories", one_hot, linear, numbers, linear_without),
        Variant("logistic, target encoding", one_hot, linear, features, linear_rates),
        Variant("logistic, columns selected by L1", one_hot, linear, features, selected),
        Variant("logistic, principal components", one_hot, linear, features, components),
        Variant(ordinal, ordinal, boosted, features),
        Variant("XGBoost, without categories", ordinal, boosted, numbers, boosted_without),
        Variant("XGBoost, target encoding", ordinal, boosted, features, boosted_rates),
    ]


def _with_categories(categories: Any, encoder: EncoderMaker, features: Sequence[str]) -> Encoder:
    """Encode the categories in another way, or drop them."""
    return encoder(features).set_params(categories=categories)


def _selected_by_l1(C: float, encoder: EncoderMaker, features: Sequence[str]) -> Pipeline:
    """Keep the columns that an L1 penalty leaves (Tibshirani, 1996)."""
    lasso = LogisticRegression(C=C, l1_ratio=1.0, solver="liblinear", tol=1e-3)
    return make_pipeline(encoder(features), SelectFromModel(lasso, threshold=SMALLEST_COEFFICIENT))


def _components(variance: float, encoder: EncoderMaker, features: Sequence[str]) -> Encoder:
    """Take the principal components of the numbers (PCA) in their place."""
    made = encoder(features)
    components = PCA(variance, svd_solver="full")
    return made.set_params(numbers=make_pipeline(made.get_params()["numbers"], components))
