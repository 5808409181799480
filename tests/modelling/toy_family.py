"""A family that the project does not have, as someone would add it."""

from collections.abc import Sequence
from typing import Any

import pytest
import sklearn
from pydantic import Field
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from push_propensity.frame.columns import pick_numbers
from push_propensity.models import families
from push_propensity.models.family import Parameters
from push_propensity.models.linear import LinearFamily

ENTRY = {"family": "toy", "parameters": {"strength": 0.5}, "seed": 3}


class ToyParameters(Parameters):
    strength: float = Field(default=1.0, gt=0)


class ToyRegression(LinearFamily):
    """A regression of the numbers alone."""

    library = ("scikit-learn", sklearn.__version__)

    def encoder(self, features: Sequence[str]) -> ColumnTransformer:
        return ColumnTransformer([("numbers", StandardScaler(), pick_numbers(features))])

    def estimator(self, parameters: Any, seed: int, threads: int) -> LogisticRegression:
        return LogisticRegression(C=1 / parameters.strength, max_iter=1_000)

    def complexity(self, parameters: Any) -> tuple[float, ...]:
        return (-parameters.strength,)


def add_toy_family(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add it to the families there are, and to the entries that a run compares."""
    monkeypatch.setitem(
        families.FAMILIES, "toy", ToyRegression("toy", "Toy regression", ToyParameters)
    )
    monkeypatch.setattr(families, "ENTRIES", (*families.ENTRIES, "toy"))
