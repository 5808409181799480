"""The search: what it tries, gives up and keeps, and how it goes on after a kill."""

import json
import math
import os
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from push_propensity.errors import DataError, ParameterError
from push_propensity.evaluation.metrics import HEADLINE
from push_propensity.models.candidates import CandidateOptions
from push_propensity.selection.search import Search, Trial
from push_propensity.selection.studies import KEPT_SECONDS, Studies
from tests.faults import times

SWEEP = {"max_depth": [2, 3, 4, 5], "reg_lambda": [1.0, 10.0, 100.0]}
BEST = {"max_depth": 4, "reg_lambda": 10.0}
FOLDS = 3


def options(strategy="random", n_trials=9, **search):
    search = {"strategy": strategy, "n_trials": n_trials, "reduction_factor": 2} | search
    return CandidateOptions(family="xgboost", sweep=SWEEP, search=search, seed=7)


def planted(point, fold):
    """The further a point is from the planted best one, the lower its score, on every fold."""
    distance = abs(point["max_depth"] - BEST["max_depth"])
    distance += abs(math.log10(point["reg_lambda"] / BEST["reg_lambda"]))
    return 0.6 - 0.05 * distance + 0.01 * fold


class Folds:
    """Measures points on folds and remembers which; fails at one measure if asked to."""

    def __init__(self, score=planted, fails_at=math.inf):
        self.score, self.fails_at, self.measured = score, fails_at, []

    def measures(self):
        return [lambda point, fold=fold: self._measure(point, fold) for fold in range(FOLDS)]

    def _measure(self, point, fold):
        if len(self.measured) == self.fails_at:
            raise KeyboardInterrupt
        self.measured.append((fold, dict(point)))
        value = self.score(point, fold)
        return [
            {"segment": "all", HEADLINE: value, "n_estimators": 10.0, "rows": 100},
            {"segment": "explore", HEADLINE: math.nan, "n_estimators": 10.0, "rows": 40},
        ]


def run(entry, studies=Studies(), folds=None, name="study"):  # noqa: B008
    search = Search(entry, (folds or Folds()).measures(), studies.open("xgboost", name))
    return list(search.trials())


def text(trials):
    """As JSON, in which a missing score equals itself."""
    return json.dumps([trial._asdict() for trial in trials])


class TestStrategies:
    @pytest.mark.parametrize("strategy", ["grid", "random", "bayesian"])
    def test_the_planted_best_point_is_found(self, strategy):
        trials = run(options(strategy, n_trials=12, reduction_factor=None))
        assert len(trials) == 12
        best = max(trials, key=lambda trial: trial.folds[-1][0][HEADLINE])
        assert best.point == BEST

    @pytest.mark.parametrize("strategy", ["grid", "random"])
    def test_points_are_those_of_the_entry_in_its_order(self, strategy):
        entry = options(strategy)
        assert [trial.point for trial in run(entry)] == entry.points()

    def test_a_bayesian_search_never_measures_a_point_twice_on_a_fold(self):
        folds = Folds()
        trials = run(options("bayesian", n_trials=12), folds=folds)
        points = [json.dumps(trial.point) for trial in trials]
        assert len(set(points)) < len(points), "else the test tests nothing"
        measured = [json.dumps(each) for each in folds.measured]
        assert len(set(measured)) == len(measured)

    @pytest.mark.parametrize("strategy", ["random", "bayesian"])
    def test_another_seed_tries_others(self, strategy):
        entry = options(strategy, n_trials=5)
        other = entry.model_copy(update={"seed": 8})
        assert [t.point for t in run(entry)] != [t.point for t in run(other)]

    def test_without_a_sweep_one_trial(self):
        entry = CandidateOptions(family="xgboost", seed=1)
        (trial,) = run(entry, folds=Folds(lambda point, fold: 0.5))
        assert (trial.point, trial.given_up, len(trial.folds)) == ({}, False, FOLDS)


class TestHalving:
    @staticmethod
    def run_scores(scores, factor, folds=None):
        """Trials of a grid whose scores on all folds are those given, in its order."""
        entry = CandidateOptions(
            family="logistic_l2",
            sweep={"C": [float(number) for number in range(1, len(scores) + 1)]},
            search={"reduction_factor": factor},
            seed=1,
        )
        folds = Folds(lambda point, fold: scores[int(point["C"]) - 1])
        return run(entry, folds=folds)

    def test_hand_worked(self):
        """One in two goes on: the better half of those that have got as far, at least the best."""
        trials = self.run_scores([0.5, 0.4, 0.6, 0.55, 0.3, 0.7], factor=2)
        assert [len(trial.folds) for trial in trials] == [3, 1, 3, 2, 1, 3]
        assert [trial.given_up for trial in trials] == [False, True, False, True, True, False]

    def test_none_is_given_up_unless_asked(self):
        trials = self.run_scores([0.5, 0.4, 0.6, 0.1], factor=None)
        assert not any(trial.given_up for trial in trials)
        assert all(len(trial.folds) == FOLDS for trial in trials)

    def test_what_is_measured_on_all_folds_is_not_given_up_at_the_end(self):
        trials = self.run_scores([0.5, 0.6, 0.7, 0.8], factor=3)
        assert [trial.given_up for trial in trials] == [False] * 4

    def test_the_best_always_goes_on(self):
        trials = run(options("random", n_trials=12, reduction_factor=4))
        (best,) = (trial for trial in trials if trial.point == BEST)
        assert not best.given_up
        assert any(trial.given_up for trial in trials)

    def test_folds_on_which_nothing_can_be_ranked_give_no_error(self):
        trials = run(options(), folds=Folds(lambda point, fold: math.nan))
        assert math.isnan(trials[0].folds[0][0][HEADLINE])


@pytest.fixture(scope="module")
def whole():
    return {strategy: run(options(strategy)) for strategy in ("grid", "random", "bayesian")}


@pytest.mark.fault
@pytest.mark.parametrize("strategy", ["grid", "random", "bayesian"])
class TestGoingOn:
    @settings(max_examples=times(5), deadline=None)
    @given(fails_at=st.integers(0, 30))
    def test_a_stopped_search_ends_like_another(self, tmp_path_factory, whole, strategy, fails_at):
        studies = Studies(tmp_path_factory.mktemp("studies"))
        entry, folds = options(strategy), Folds(fails_at=fails_at)
        with suppress(KeyboardInterrupt):
            run(entry, studies, folds)
        again = Folds()
        assert text(run(entry, studies, again)) == text(whole[strategy])
        finished = sum(len(trial.folds) for trial in whole[strategy])
        assert len(again.measured) <= max(finished - fails_at + FOLDS - 1, 0)

    @settings(max_examples=times(5), deadline=None)
    @given(data=st.data())
    def test_wherever_a_kill_cut_the_journal(self, tmp_path_factory, whole, strategy, data):
        studies = Studies(tmp_path_factory.mktemp("studies"))
        entry = options(strategy)
        run(entry, studies)
        path = studies.folder / "xgboost-study.log"
        content = path.read_bytes()
        path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
        assert text(run(entry, studies)) == text(whole[strategy])
        assert text(run(entry, studies, Folds(fails_at=0))) == text(whole[strategy])

    def test_a_larger_budget_goes_on_and_a_smaller_one_takes_the_first(
        self, tmp_path, whole, strategy
    ):
        studies = Studies(tmp_path)
        assert text(run(options(strategy, n_trials=4), studies)) == text(whole[strategy][:4])
        assert text(run(options(strategy), studies)) == text(whole[strategy])
        few = run(options(strategy, n_trials=3), studies, Folds(fails_at=0))
        assert text(few) == text(whole[strategy][:3])

    def test_trials_that_another_process_kept_too_count_once(self, tmp_path, whole, strategy):
        studies = Studies(tmp_path)
        entry = options(strategy)
        kept = [studies.open("xgboost", "study") for _ in range(2)]
        for study in kept:  # both began before either kept anything
            list(Search(entry, Folds().measures(), study).trials())
        assert text(run(entry, studies, Folds(fails_at=0))) == text(whole[strategy])

    def test_seconds_give_what_as_many_trials_give(self, monkeypatch, whole, strategy):
        monkeypatch.setattr("time.monotonic", count().__next__)
        reached = run(options(strategy, n_trials=None, seconds=8))
        assert 1 < len(reached) < 9
        assert text(reached) == text(whole[strategy][: len(reached)])


class TestBudget:
    def test_too_short_for_one_trial(self, monkeypatch):
        monkeypatch.setattr("time.monotonic", count().__next__)
        message = (
            r"No trial of xgboost was finished within 2 seconds\. Raise "
            r"candidates\.xgboost\.search\.seconds, or set it to null and give n_trials\."
        )
        with pytest.raises(ParameterError, match=message):
            run(options(seconds=2))


class TestJournals:
    def test_each_study_has_its_own(self, tmp_path):
        studies, entry, folds = Studies(tmp_path / "studies"), options(), Folds()
        run(entry, studies)
        run(entry, studies, folds, name="other")
        Search(entry, Folds().measures(), studies.open("logistic_l2", "study"))
        assert folds.measured, "what was made of other data counts for nothing"
        assert sorted(path.name for path in studies.folder.iterdir()) == [
            "logistic_l2-study.log",
            "xgboost-other.log",
            "xgboost-study.log",
        ]

    def test_another_study_at_the_same_time_changes_nothing(self, tmp_path, whole):
        """Both have begun before either keeps a trial."""
        studies, entry = Studies(tmp_path), options()
        kept = {name: studies.open("xgboost", name) for name in ("study", "other")}
        worse = Folds(lambda point, fold: planted(point, fold) / 2)
        list(Search(entry, Folds().measures(), kept["study"]).trials())
        list(Search(entry, worse.measures(), kept["other"]).trials())
        assert text(run(entry, studies, Folds(fails_at=0))) == text(whole["random"])

    def test_those_that_nobody_goes_on_with_are_deleted(self, tmp_path):
        studies = Studies(tmp_path)
        for name in ("old", "new"):
            run(options(), studies, name=name)
        studies.open("logistic_l2", "old")
        month_ago = time.time() - KEPT_SECONDS - 60
        for path in (tmp_path / "xgboost-old.log", tmp_path / "logistic_l2-old.log"):
            os.utime(path, (month_ago, month_ago))
        run(options(), studies)
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "logistic_l2-old.log",
            "xgboost-new.log",
            "xgboost-study.log",
        ]

    @pytest.mark.parametrize("line", [b"not json\n", b"{}\n", b'{"op_code":4}\n', b"[1]\n"])
    def test_a_damaged_one_is_left_as_it_is_with_one_message(self, tmp_path, line):
        studies, entry = Studies(tmp_path / "studies"), options()
        run(entry, studies)
        path = studies.folder / "xgboost-study.log"
        lines = path.read_bytes().splitlines(keepends=True)
        torn = b"".join([*lines[:3], line, *lines[4:]])
        path.write_bytes(torn)
        with pytest.raises(
            DataError, match=r"studies/xgboost-study\.log, is damaged\. Delete it"
        ) as told:
            run(entry, studies)
        assert str(tmp_path) not in str(told.value)
        assert path.read_bytes() == torn

    def test_in_memory_nothing_is_kept(self):
        folds = Folds()
        run(options(), folds=folds)
        run(options(), folds=folds)
        assert folds.measured[: len(folds.measured) // 2] * 2 == folds.measured


@pytest.mark.slow
def test_a_killed_process_goes_on(tmp_path, whole):
    """Killed by the system in the middle of a trial."""
    code = """
        import os, signal, sys
        from pathlib import Path
        from tests.modelling.test_search import Folds, options, run
        from push_propensity.selection.studies import Studies

        class Killed(Folds):
            def _measure(self, point, fold):
                if len(self.measured) == 7:
                    os.kill(os.getpid(), signal.SIGKILL)
                return super()._measure(point, fold)

        run(options("bayesian"), Studies(Path(sys.argv[1])), Killed())
    """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path)]
    assert subprocess.run(command, check=False).returncode == -9
    folds = Folds()
    found = run(options("bayesian"), Studies(tmp_path), folds)
    assert text(found) == text(whole["bayesian"])
    assert len(folds.measured) < sum(len(trial.folds) for trial in found)
    assert isinstance(found[0], Trial)
