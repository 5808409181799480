"""The bootstrap over users: metrics on resamples of them, and intervals from the draws.

Measure several models on the same resamples and their differences are paired.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.sparse import csr_matrix

from push_propensity.evaluation.metrics import ProductRanking, RunningTotals
from push_propensity.frame.weights import Floats

DRAWS_AT_ONCE = 50  # bounds the memory; more are not faster


@dataclass(frozen=True)
class Resamples:
    """Users drawn with replacement, all rows of a user together.

    A user's rows are not independent (cluster bootstrap; Field and Welsh, 2007).

    Attributes:
        users: The users to draw from, each once.
        resamples: How many resamples to draw, each of as many users as there are.
        seed: Seed of the draws.
        confidence: Share of the resamples that an interval holds, in (0, 1).
    """

    users: pd.Index
    resamples: int
    seed: int
    confidence: float

    @classmethod
    def of(cls, user: ArrayLike, *, resamples: int, seed: int, confidence: float) -> "Resamples":
        """Draw from the users of these rows, in the order of their first row.

        Args:
            user: User of each row, shape (rows,).
            resamples: How many resamples to draw.
            seed: Seed of the draws.
            confidence: Of the intervals.

        Examples:
            >>> drawn = Resamples.of(["ann", "ann", "bo"], resamples=3, seed=1, confidence=0.9)
            >>> next(drawn.draws()).tolist()  # a row per user, a column per resample
            [[1.0, 0.0, 2.0], [1.0, 2.0, 0.0]]
        """
        return cls(pd.Index(pd.unique(np.asarray(user))), resamples, seed, confidence)

    def draws(self) -> Iterator[Floats]:
        """Yield how often each user is drawn, shape (users, resamples), some resamples at once."""
        generator, size = np.random.default_rng(self.seed), len(self.users)
        for first in range(0, self.resamples, DRAWS_AT_ONCE):
            number = min(DRAWS_AT_ONCE, self.resamples - first)
            drawn = [generator.integers(size, size=size) for _ in range(number)]
            counts = [np.bincount(users, minlength=size) for users in drawn]
            yield np.column_stack(counts).astype(np.float64)

    def measure(self, measure: Callable[[Floats], Mapping[Any, Floats]]) -> pd.DataFrame:
        """Measure each resample.

        Args:
            measure: Gives metrics of each of some resamples, shape (resamples,), for how often
                each user is drawn, shape (users, resamples).

        Returns:
            One row per resample and a column per metric.
        """
        measured = [pd.DataFrame(dict(measure(drawn))) for drawn in self.draws()]
        return pd.concat(measured, ignore_index=True)

    def positions(self, user: ArrayLike) -> NDArray[np.intp]:
        """Which of the users each row belongs to, shape (rows,)."""
        return self.users.get_indexer(pd.Index(np.asarray(user)))

    def sums(self, user: NDArray[np.intp], values: ArrayLike) -> Callable[[Floats], Floats]:
        """Return what sums the rows' values over drawn users.

        Args:
            user: From `positions`, shape (rows,).
            values: Shape (rows,).
        """
        per_user = np.bincount(user, np.asarray(values), minlength=len(self.users))
        return lambda drawn: per_user @ drawn

    def ranking(
        self, ranking: ProductRanking, user: NDArray[np.intp], weight: ArrayLike | None = None
    ) -> Callable[[Floats], RunningTotals]:
        """Return what counts down a ranking of rows for drawn users.

        Neighbours without a purchase are counted together, as no metric tells them apart; so 300
        resamples of a million rows are a matter of a second.

        Args:
            ranking: The ranked rows.
            user: From `positions`, of each row as given to `ProductRanking.of`, shape (rows,).
            weight: How many rows each one stands for, shape (rows,); 1 each if left out.
        """
        users = user[ranking.rows]
        weights = np.ones(len(users)) if weight is None else np.asarray(weight)[ranking.rows]
        bought, shape = ranking.outcome > 0, len(self.users)
        first = _runs(ranking)
        ends = np.append(first, len(users))
        hits_before = np.concatenate(([0], np.cumsum(bought)))[ends]
        shown = csr_matrix((weights, users, ends), (len(first), shape))
        hits = csr_matrix((weights[bought], users[bought], hits_before), (len(first), shape))
        start = np.searchsorted(first, ranking.first)
        end = np.append(start[1:], len(first))
        return lambda drawn: RunningTotals(_summed(hits, drawn), _summed(shown, drawn), start, end)

    def interval(self, resampled: ArrayLike, value: float) -> tuple[float, float]:
        """Return both ends of the `interval` with the confidence of these resamples."""
        return interval(resampled, value, self.confidence)

    def interval_of_share(self, resampled: ArrayLike, value: float) -> tuple[float, float]:
        """Return both ends of the interval of what lies between 0 and 1, cut to that."""
        low, high = np.clip(self.interval(resampled, value), 0.0, 1.0)
        return float(low), float(high)


class BootstrapOptions(BaseModel):
    """How users are resampled for intervals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    resamples: int = Field(default=200, ge=10)
    confidence: float = Field(default=0.95, gt=0, lt=1)
    seed: int

    def resample(self, user: ArrayLike) -> Resamples:
        """Draw from the users of these rows as configured."""
        return Resamples.of(
            user, resamples=self.resamples, seed=self.seed, confidence=self.confidence
        )


def _runs(ranking: ProductRanking) -> NDArray[np.intp]:
    """Where each run begins: a tie that holds a purchase, or neighbours in a product without."""
    tie = np.append(0, ranking.tie_end[:-1] + 1) if len(ranking.rows) else ranking.tie_end
    bought = np.diff(np.cumsum(ranking.outcome)[ranking.tie_end], prepend=0.0) > 0
    after_purchase = np.append(True, bought[:-1]) if len(tie) else bought
    return tie[bought | after_purchase | np.isin(tie, ranking.first, assume_unique=True)]


def _summed(counts: csr_matrix, drawn: Floats) -> Floats:
    """Running totals of the drawn users' counts, 0 first, shape (runs + 1, resamples)."""
    total = np.zeros((counts.shape[0] + 1, drawn.shape[1]))
    np.cumsum(counts @ drawn, axis=0, out=total[1:])
    return total


def interval(resampled: ArrayLike, value: float, confidence: float) -> tuple[float, float]:
    """Percentile interval of resampled values, moved so that their mean lies on the value.

    A buyer who is drawn twice counts twice at the same rank, which raises average precision in
    the resamples but not in the data; centring takes that bias out (Efron and Tibshirani, An
    Introduction to the Bootstrap, 1993, chapter 10). The interval speaks of windows of this size:
    the average precision of few purchases is higher by luck alone.

    Args:
        resampled: The metric on each resample, shape (resamples,); undefined ones are left out.
        value: The metric on the data.
        confidence: Share of the resamples that the interval holds, in (0, 1).

    Returns:
        Both ends, or NaN twice where the metric is not defined.

    Examples:
        >>> low, high = interval([0.2, 0.3, 0.4], value=0.25, confidence=0.5)
        >>> round(low, 3), round(high, 3)
        (0.2, 0.3)
    """
    drawn = np.asarray(resampled, dtype=np.float64)
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn) or not np.isfinite(value):
        return float("nan"), float("nan")
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn - drawn.mean(), [tail, 1 - tail])
    return float(value + low), float(value + high)


def judge(low: float, high: float, *, lower_is_better: bool = False) -> str:
    """Say whether an interval of a difference lies above 0, below 0 or holds it.

    Returns:
        `better`, `worse` or `noise`; an undefined interval is `noise`.

    Examples:
        >>> judge(0.01, 0.03), judge(-0.01, 0.03)
        ('better', 'noise')
        >>> judge(0.01, 0.03, lower_is_better=True)
        'worse'
    """
    if lower_is_better:
        low, high = -high, -low
    if low > 0:
        return "better"
    return "worse" if high < 0 else "noise"
