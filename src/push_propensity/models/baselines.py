"""Baselines: families without parameters, so that they are entries like the candidates."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import sklearn
from scipy.special import logit
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from push_propensity.frame.columns import COLUMNS
from push_propensity.models.family import Estimator, Family, Floats
from push_propensity.models.linear import LinearFamily


@dataclass(frozen=True)
class Baseline(Family):
    """A family of few columns of its own, whichever features are chosen."""

    kind: Literal["baseline", "candidate"] = "baseline"
    columns: tuple[str, ...] = field(kw_only=True)

    library = ("scikit-learn", sklearn.__version__)

    @property
    def needs(self) -> tuple[str, ...]:
        """Those of its columns that not every frame has."""
        return tuple(name for name in self.columns if name not in COLUMNS)

    def encoder(self, features: Sequence[str]) -> ColumnTransformer:
        """Scale its own columns."""
        return ColumnTransformer([("numbers", StandardScaler(), list(self.columns))])


class Constant(Baseline):
    """The purchase rate of the training rows for everyone."""

    def estimator(self, parameters: Any, seed: int, threads: int) -> Estimator:
        """Make an estimator that looks at the outcomes alone."""
        estimator: Estimator = DummyClassifier(strategy="prior")
        return estimator

    def margin(self, estimator: Any, encoded: Any) -> Floats:
        """Return the log-odds of the rate, shape (rows,)."""
        return np.asarray(logit(estimator.predict_proba(encoded)[:, 1]))


class Rule(Baseline, LinearFamily):
    """A logistic regression without penalty of few columns."""

    def estimator(self, parameters: Any, seed: int, threads: int) -> Estimator:
        """Make the regression, which draws nothing."""
        estimator: Estimator = LogisticRegression(C=np.inf)
        return estimator
