"""From a model's margin to a probability that can be read as one.

A sigmoid stretches and moves the log-odds (Platt, 1999). Beta calibration (Kull, Silva Filho and
Flach, 2017) stretches those below and above even odds differently, so the sigmoid is the beta whose
two slopes are equal. Both rise with the margin: they change no ranking.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
import onnx
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from onnx import helper
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import sem
from sklearn.isotonic import IsotonicRegression
from threadpoolctl import ThreadpoolController

from push_propensity.errors import DataError
from push_propensity.models.family import Floats, constant

Method = Literal["uncalibrated", "sigmoid", "beta", "isotonic"]
METHODS: tuple[Method, ...] = get_args(Method)
CalibrationChoice = Literal["auto", "sigmoid", "beta"]

FOLDS = 10
LEVEL_DECIMALS = 3  # of log-odds: a probability moves by at most 0.05 % of itself
LEAST_SLOPE = 0.01  # at 0, beta would level rows that the model tells apart
LEAST_GAIN = 1e-6  # of log loss; less is rounding
LEAST_PROBABILITY = 1e-15
THREADS = ThreadpoolController()


def clip_probability(probability: ArrayLike) -> Floats:
    """Keep probabilities away from 0 and 1, where log-odds and log loss may be infinite."""
    return np.asarray(np.clip(probability, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY))


@dataclass(frozen=True)
class Calibration:
    """Probability sigmoid(a ln p - b ln(1 - p) + c), where p is the sigmoid of the margin.

    a is the slope of the log-odds far below even odds, b far above. As it stands nothing changes.

    Attributes:
        a: At least 0.
        b: At least 0; the same as a for a sigmoid.
        c: Any number.
        log_loss: What each method reached on users of the window that it was not fitted to, mean
            over the folds; empty where it was not measured.
    """

    a: float = 1.0
    b: float = 1.0
    c: float = 0.0
    log_loss: Mapping[Method, float] = field(default_factory=dict)

    @property
    def method(self) -> Method:
        """Which kind it is."""
        if (self.a, self.b, self.c) == (1.0, 1.0, 0.0):
            return "uncalibrated"
        return "sigmoid" if self.a == self.b else "beta"

    def log_odds(self, margin: ArrayLike) -> Floats:
        """Calibrated log-odds of margins, of the same shape.

        Examples:
            >>> Calibration(a=0.5, b=2.0, c=-1.0).log_odds([-20.0, 0.0, 20.0]).round(2).tolist()
            [-11.0, 0.04, 39.0]
        """
        m = np.asarray(margin, dtype=np.float64)
        return np.asarray(self.b * np.logaddexp(0, m) - self.a * np.logaddexp(0, -m) + self.c)

    def apply(self, margin: ArrayLike) -> Floats:
        """Probabilities of margins, of the same shape."""
        return np.asarray(expit(self.log_odds(margin)))

    def describe(self) -> dict[str, Any]:
        """Return its method, numbers and `log_loss` as plain data."""
        return {"method": self.method, **asdict(self)}

    def graph(self, output: str) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
        """Write it as ONNX, from `margin` to `output`; ln p and ln(1 - p) keep their digits."""
        if self.a == self.b:
            nodes = [helper.make_node("Mul", ["margin", "a"], ["slopes"])]
            constants = [constant("a", [self.a])]
        else:
            nodes = [
                helper.make_node("Neg", ["margin"], ["negated"]),
                helper.make_node("Softplus", ["negated"], ["below"]),
                helper.make_node("Softplus", ["margin"], ["above"]),
                helper.make_node("Mul", ["below", "a"], ["scaled_below"]),
                helper.make_node("Mul", ["above", "b"], ["scaled_above"]),
                helper.make_node("Sub", ["scaled_above", "scaled_below"], ["slopes"]),
            ]
            constants = [constant("a", [self.a]), constant("b", [self.b])]
        nodes += [
            helper.make_node("Add", ["slopes", "c"], ["log_odds"]),
            helper.make_node("Sigmoid", ["log_odds"], [output]),
        ]
        return nodes, [*constants, constant("c", [self.c])]


UNCALIBRATED = Calibration()


@dataclass(frozen=True)
class Levels:
    """Rows counted by their margin, so that many rows cost no more than a few.

    Attributes:
        margin: Mean margin of the rows that agree in it to `LEVEL_DECIMALS`, shape (levels,).
        bought: Purchases, shape (levels,) or (folds, levels).
        missed: Rows without a purchase, of the same shape.
    """

    margin: Floats
    bought: Floats
    missed: Floats

    @classmethod
    def of(
        cls, margin: ArrayLike, outcome: ArrayLike, fold: NDArray[np.intp] | int = 0
    ) -> "Levels":
        """Count the rows of each fold, all of shape (rows,); left out, there is one."""
        m, y = np.asarray(margin, dtype=np.float64), np.asarray(outcome, dtype=np.float64)
        known, level = np.unique(np.round(m, LEVEL_DECIMALS), return_inverse=True)
        folds, levels = int(np.max(fold)) + 1, len(known)
        place = fold * levels + level
        bought, missed = (
            np.bincount(place, each, folds * levels).astype(np.float64).reshape(folds, levels)
            for each in (y, 1 - y)
        )
        return cls(np.bincount(level, m) / np.bincount(level), bought, missed)

    def whole(self) -> "Levels":
        """All folds together."""
        return Levels(self.margin, self.bought.sum(axis=0), self.missed.sum(axis=0))

    def fold(self, number: int) -> tuple["Levels", "Levels"]:
        """The rows of the other folds, to fit to, and those of this one."""
        bought, missed, whole = self.bought[number], self.missed[number], self.whole()
        rest = Levels(self.margin, whole.bought - bought, whole.missed - missed)
        return rest, Levels(self.margin, bought, missed)

    @property
    def both_outcomes(self) -> bool:
        """Whether there are rows with and without a purchase."""
        return bool(self.bought.any() and self.missed.any())

    def log_loss(self, probability: Floats) -> float:
        """Mean log loss of one probability per level."""
        p = clip_probability(probability)
        total = self.bought @ np.log(p) + self.missed @ np.log1p(-p)
        return float(-total / (self.bought.sum() + self.missed.sum()))


def fit_calibration(
    margin: ArrayLike,
    outcome: ArrayLike,
    user: ArrayLike,
    choice: CalibrationChoice = "auto",
    seed: int = 0,
) -> Calibration:
    """Fit a calibration, and measure every method on users that it was not fitted to.

    Isotonic regression is measured only: its steps would level rows that the model tells apart.

    Args:
        margin: Margin of each row, shape (rows,).
        outcome: 0 or 1, both of them, shape (rows,).
        user: User of each row, shape (rows,).
        choice: Which method; `auto` takes beta where its log loss is lower than the sigmoid's by
            more than a standard error of their difference, paired by fold.
        seed: Of the folds of users.

    Raises:
        DataError: If higher margins go with fewer purchases.
    """
    codes, users = pd.factorize(np.asarray(user))
    folds = np.random.default_rng(seed).permutation(len(users)) % FOLDS
    levels = Levels.of(margin, outcome, folds[codes])
    losses = _cross_fit(levels)
    sigmoid, beta = fit_sigmoid(levels.whole()), fit_beta(levels.whole())
    if sigmoid.a < 0:
        raise DataError(
            "In the calibration window users with higher scores bought less often, so the model "
            "learned nothing that holds there. Give more data or other parameters."
        )
    take_beta = choice == "beta" or (choice == "auto" and _is_beta_better(losses))
    means: dict[Method, float] = {method: float(each.mean()) for method, each in losses.items()}
    return replace(beta if take_beta else sigmoid, log_loss=means)


def fit_sigmoid(levels: Levels) -> Calibration:
    """Fit by maximum likelihood: logistic regression of the outcome on the margin (Cox, 1958)."""
    slope, intercept = _maximise_likelihood(levels, levels.margin[:, None], None)
    return Calibration(slope, slope, intercept)


def fit_beta(levels: Levels) -> Calibration:
    """Fit by maximum likelihood, slopes of at least `LEAST_SLOPE`."""
    m = levels.margin
    logarithms = np.column_stack([-np.logaddexp(0, -m), np.logaddexp(0, m)])  # ln p, -ln(1 - p)
    a, b, c = _maximise_likelihood(levels, logarithms, LEAST_SLOPE)
    return Calibration(a, b, c)


def _maximise_likelihood(levels: Levels, columns: Floats, least: float | None) -> list[float]:
    """Slopes of the columns, none below `least`, then the intercept."""
    bought, rows = levels.bought, levels.bought + levels.missed

    def loss(numbers: Floats) -> tuple[float, Floats]:
        log_odds = columns @ numbers[:-1] + numbers[-1]
        value = rows @ np.logaddexp(0, log_odds) - bought @ log_odds
        gap = rows * expit(log_odds) - bought
        return value / rows.sum(), np.append(gap @ columns, gap.sum()) / rows.sum()

    slopes = columns.shape[1]
    bounds = [(least, None)] * slopes + [(None, None)]
    tight = {"ftol": 1e-15, "gtol": 1e-9, "maxiter": 1_000}
    start = [1.0] * slopes + [0.0]
    with THREADS.limit(limits=1):  # several would only wait for each other on so few numbers
        found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options=tight)
    return [float(number) for number in found.x]


def _cross_fit(levels: Levels) -> dict[Method, Floats]:
    """Log loss of each method on each fold, fitted to the others; empty where that cannot be."""
    folds = [levels.fold(number) for number in range(len(levels.bought))]
    if not all(known.both_outcomes for known, _ in folds):
        return {}
    losses = [_losses(known, new) for known, new in folds]
    return {method: np.array([each[method] for each in losses]) for method in losses[0]}


def _is_beta_better(losses: Mapping[Method, Floats]) -> bool:
    """Whether its log loss is lower than the sigmoid's by more than a standard error."""
    if not losses:
        return False
    gain = losses["sigmoid"] - losses["beta"]
    return bool(gain.mean() > max(sem(gain), LEAST_GAIN))


def _losses(known: Levels, new: Levels) -> dict[Method, float]:
    """Log loss on new rows of each method fitted to the known ones."""
    rows = known.bought + known.missed
    steps = IsotonicRegression(out_of_bounds="clip")
    steps.fit(known.margin, known.bought / np.maximum(rows, 1), sample_weight=rows)
    probability: dict[Method, Floats] = {
        "uncalibrated": expit(new.margin),
        "sigmoid": fit_sigmoid(known).apply(new.margin),
        "beta": fit_beta(known).apply(new.margin),
        "isotonic": steps.predict(new.margin),
    }
    return {method: new.log_loss(values) for method, values in probability.items()}
