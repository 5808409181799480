"""How finely the feature study measures."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field

from push_propensity.evaluation.bootstrap import BootstrapOptions
from push_propensity.models.candidates import LEARNING_RATE, CandidateOptions


class StudyOptions(BootstrapOptions):
    """What every variant is fitted and measured with, so that only the variant differs.

    Attributes:
        folds: How many of the latest rolling-origin folds the variants are measured on.
        negative_share: Share of the rows without a purchase that variants train on, seeded and
            weighted back.
        learning_rate: Of the boosted variants; higher than a contender's, for fewer rounds.
        most_rounds: Boosting stops here at the latest.
        inverse_l1_penalty: Inverse of the L1 penalty that selects columns.
        pca_variance: Share of the numbers' variance that the principal components keep.
        resamples: Resamples of the users behind each interval.
        confidence: Of the intervals.
        seed: Of the resamples, and of the target encoding's folds.
    """

    folds: int = Field(default=1, ge=1)
    negative_share: float = Field(default=0.2, gt=0, le=1)
    learning_rate: float = Field(default=0.1, gt=0, le=1)
    most_rounds: int = Field(default=400, ge=1)
    inverse_l1_penalty: float = Field(default=0.01, gt=0)
    pca_variance: float = Field(default=0.95, gt=0, lt=1)


def with_winner(entry: CandidateOptions, winner: Mapping[str, Any]) -> CandidateOptions:
    """The entry with the winner's parameters where it is of that family."""
    if winner["candidate"] != entry.family:
        return entry
    return entry.model_copy(update={"parameters": dict(winner["parameters"])})


def quick(entry: CandidateOptions, options: StudyOptions) -> CandidateOptions:
    """The entry as the variants use it: on a share of the rows, boosted in fewer, larger steps."""
    boosted = LEARNING_RATE in entry.definition.parameters.model_fields
    update = {
        "learning_rate": options.learning_rate if boosted else None,
        "negative_share": options.negative_share,
        "most_rounds": options.most_rounds,
    }
    search = entry.search.model_copy(update=update)
    return entry.model_copy(update={"search": search, "minimum_negatives": 0})
