"""The search through a candidate's sweep: which point is tried next and which is given up.

Optuna chooses the points of a Bayesian search and gives trials up. A finished trial is kept at
once, so that a killed search goes on where it was. What is drawn for a trial depends on the seed,
its number and the trials before it alone, so a search that was killed ends like another.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import optuna
from optuna.distributions import CategoricalDistribution
from optuna.pruners import NopPruner, SuccessiveHalvingPruner
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState
from sklearn.model_selection import ParameterGrid

from push_propensity.errors import ParameterError
from push_propensity.evaluation.metrics import HEADLINE
from push_propensity.models.candidates import CandidateOptions

optuna.logging.set_verbosity(optuna.logging.WARNING)

Point = dict[str, Any]
Records = list[dict[str, Any]]  # what was measured on a fold, one per segment
Measure = Callable[[Point], Records]

NUMBER, FOLDS = "number", "folds"  # what a journal holds of a trial besides its point


class Trial(NamedTuple):
    """A point that was tried, and what was measured on each fold until it was given up."""

    point: Point
    folds: list[Records]
    given_up: bool


class Search:
    """A search through the sweep of an entry, which goes on from the trials that were kept.

    Args:
        options: The entry.
        measures: Fit a point to a fold and measure it, one for each fold.
        kept: The study whose trials count as this search's, and to which it adds its own.
    """

    def __init__(
        self, options: CandidateOptions, measures: Sequence[Measure], kept: optuna.Study
    ) -> None:
        self._options, self._measures, self._kept = options, measures, kept
        search = options.search
        self._points = None if search.strategy == "bayesian" else options.points()
        self.total = int(min(search.n_trials or math.inf, len(ParameterGrid(options.sweep))))
        factor = search.reduction_factor
        pruner = SuccessiveHalvingPruner(1, factor) if factor else NopPruner()
        self._study = optuna.create_study(direction="maximize", pruner=pruner)
        numbered = {trial.user_attrs[NUMBER]: trial for trial in kept.trials}
        self._study.add_trials(numbered[number] for number in sorted(numbered)[: self.total])
        self.known = len(self._study.trials)

    def trials(self) -> Iterator[Trial]:
        """Yield the trials that were kept, then try points until they or the seconds are used up.

        Raises:
            ParameterError: Not one trial was finished in the seconds given.
        """
        seconds = self._options.search.seconds or math.inf
        deadline = time.monotonic() + seconds
        yield from map(_read, self._study.trials)
        for number in range(len(self._study.trials), self.total):
            finished = self._try(number, deadline)
            if finished is None and number == 0:
                family = self._options.family
                raise ParameterError(
                    f"No trial of {family} was finished within {seconds:g} seconds. Raise "
                    f"candidates.{family}.search.seconds, or set it to null and give n_trials."
                )
            if finished is None:
                break
            yield finished

    def _try(self, number: int, deadline: float) -> Trial | None:
        """Measure the next point, fold after fold; None where time was up before it was done."""
        trial = self._next(number)
        known = self._measured(trial.params)
        folds: list[Records] = []
        for fold, measure in enumerate(self._measures):
            if time.monotonic() >= deadline:
                return None
            folds.append(known[fold] if fold < len(known) else measure(trial.params))
            trial.report(score(folds[-1]), step=fold + 1)
            if fold + 1 < len(self._measures) and trial.should_prune():
                break
        trial.set_user_attr(NUMBER, number)
        trial.set_user_attr(FOLDS, folds)
        if len(folds) == len(self._measures):
            self._study.tell(trial, float(np.mean([score(records) for records in folds])))
        else:
            self._study.tell(trial, state=TrialState.PRUNED)
        finished = self._study.trials[number]
        self._kept.add_trial(finished)
        return _read(finished)

    def _next(self, number: int) -> optuna.Trial:
        if self._points is None:
            # Seeded anew, so that it does not matter which trials were tried just before.
            self._study.sampler = TPESampler(seed=self._options.seed + number)
        else:
            self._study.enqueue_trial(self._points[number])
        values = self._options.sweep.items()
        return self._study.ask({name: CategoricalDistribution(given) for name, given in values})

    def _measured(self, point: Point) -> list[Records]:
        """What is known of a point that was tried before, as a Bayesian search may again."""
        finished = (trial for trial in self._study.trials if trial.state.is_finished())
        same = (_read(trial).folds for trial in finished if trial.params == point)
        return max(same, key=len, default=[])


def score(records: Records) -> float:
    """Product average precision over all segments; 0 where no product can be ranked."""
    (value,) = (record[HEADLINE] for record in records if record["segment"] == "all")
    return 0.0 if math.isnan(value) else float(value)


def _read(trial: FrozenTrial) -> Trial:
    return Trial(trial.params, trial.user_attrs[FOLDS], trial.state == TrialState.PRUNED)
