import json

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from push_propensity.errors import DataError
from push_propensity.evaluation.metrics import HEADLINE, METRICS
from push_propensity.models.candidates import CandidateOptions
from push_propensity.models.families import FAMILIES
from push_propensity.scoring.bundle import Fingerprint
from push_propensity.selection.choice import (
    SelectionOptions,
    build_leaderboard,
    choose_trial,
    choose_winner,
    combine_trials,
)

BEST = SelectionOptions(rule="best")
ONE_ERROR = SelectionOptions(rule="one_standard_error")
OPTIONS = {name: CandidateOptions(family=name, seed=1) for name in FAMILIES}


def trials_of(name, scores, kind="candidate", parameters=None, rounds=None):
    """A table of trials from their headline by fold: one inner list per trial."""
    rows = []
    for trial, by_fold in enumerate(scores):
        for fold, score in enumerate(by_fold, start=1):
            for segment, factor in (("all", 1.0), ("repeat", 1.1), ("explore", 0.5)):
                row = {"candidate": name, "kind": kind, "trial": trial, "fold": fold}
                row |= {"segment": segment, "rows": 100, "purchases": 20}
                row |= {"products": 3 + fold, "purchases_covered": 0.5}
                row["parameters"] = json.dumps((parameters or [{}] * len(scores))[trial])
                row |= {"given_up": False, "trials": len(scores)}
                row["n_estimators"] = np.nan if rounds is None else rounds[trial][fold - 1]
                row |= dict.fromkeys(METRICS, 0.1 * fold)
                rows.append(row | {HEADLINE: score * factor})
    return pd.DataFrame(rows)


def choose(scores, rule, family="logistic_l2", **table):
    parameters = table.pop("parameters", [{"C": 10.0**n} for n in range(len(scores))])
    trials = trials_of(family, scores, parameters=parameters, **table)
    return choose_trial(trials, OPTIONS[family], rule)


class TestChooseTrial:
    def test_best_is_the_highest_mean(self):
        choice = choose([[0.4, 0.6], [0.5, 0.7], [0.6, 0.5]], BEST)
        assert choice == {
            "candidate": "logistic_l2",
            "kind": "candidate",
            "trial": 1,
            "rule": "best",
            "features": "frame",
            "parameters": {"C": 10.0},
            HEADLINE: pytest.approx(0.6),
        }

    def test_of_equals_the_simplest(self):
        assert choose([[0.3, 0.3], [0.5, 0.7], [0.7, 0.5]], BEST)["trial"] == 1

    def test_one_standard_error_takes_the_simplest_that_is_about_as_good(self):
        # Behind the best (trial 2): trial 0 by 0.2 and 0.1, trial 1 by 0.05 and -0.03.
        scores = [[0.4, 0.6], [0.55, 0.73], [0.6, 0.7]]
        choice = choose(scores, ONE_ERROR)
        assert (choice["trial"], choice["rule"]) == (1, "one_standard_error")
        assert choice[HEADLINE] == pytest.approx(0.64)
        assert choose(scores, BEST)["trial"] == 2

    def test_the_error_is_that_of_the_paired_difference(self):
        # The folds differ much more than the trials: unpaired, trial 0 would pass.
        assert choose([[0.20, 0.70, 0.45], [0.25, 0.76, 0.50]], ONE_ERROR)["trial"] == 1

    def test_the_limit_itself_counts(self):
        # Behind by 0 and 0.2: mean 0.1, standard error 0.1.
        assert choose([[0.5, 0.25], [0.5, 0.5]], ONE_ERROR)["trial"] == 0
        assert choose([[0.5, 0.25], [0.51, 0.5]], ONE_ERROR)["trial"] == 1

    def test_with_one_fold_only_equals_are_as_good(self):
        assert choose([[0.5], [0.6], [0.6]], ONE_ERROR)["trial"] == 1

    def test_never_worse_than_the_best_by_definition(self):
        rng = np.random.default_rng(0)
        for _ in range(30):
            scores = rng.random((5, 3)).round(2).tolist()
            best, simple = (choose(scores, rule) for rule in (BEST, ONE_ERROR))
            assert simple["trial"] <= best["trial"]
            assert simple[HEADLINE] <= best[HEADLINE]

    def test_folds_without_eligible_products_are_left_out(self):
        choice = choose([[0.4, np.nan, 0.6], [0.5, np.nan, 0.4]], BEST)
        assert choice["trial"] == 0
        assert choice[HEADLINE] == pytest.approx(0.5)

    def test_no_fold_with_eligible_products(self):
        with pytest.raises(DataError, match=r"No fold holds a product .*`folds\.window_share`"):
            choose([[np.nan, np.nan]], BEST)

    def test_boosting_rounds_are_the_median_of_the_folds(self):
        parameters = [{"max_depth": 3, "n_estimators": 100}, {"max_depth": 5, "n_estimators": 100}]
        choice = choose(
            [[0.4, 0.4, 0.4], [0.5, 0.5, 0.5]],
            BEST,
            family="xgboost",
            parameters=parameters,
            rounds=[[1, 2, 3], [40, 10, 33]],
        )
        expected = OPTIONS["xgboost"].complete({"max_depth": 5, "n_estimators": 33})
        assert choice["parameters"] == expected.model_dump()
        assert isinstance(choice["parameters"]["n_estimators"], int)

    def test_ready_for_json(self):
        choice = choose([[0.4], [0.5]], BEST)
        assert json.loads(json.dumps(choice)) == choice

    def test_unknown_rule(self):
        with pytest.raises(ValidationError, match="rule"):
            SelectionOptions(rule="worst")


TRAINED = OPTIONS["xgboost"].complete({"max_depth": 3, "n_estimators": 5}).model_dump()


@pytest.fixture
def race():
    """A baseline in front, two candidates behind it; the second fold has no eligible product."""
    tables = [
        trials_of("constant", [[0.9, np.nan, 0.9]], kind="baseline"),
        trials_of("logistic_l2", [[0.3, np.nan, 0.5], [0.4, np.nan, 0.7]]),
        trials_of("xgboost", [[0.5, np.nan, 0.7]], parameters=[{"max_depth": 3}], rounds=[[5] * 3]),
    ]
    trials = pd.concat(tables, ignore_index=True)
    names = ("logistic_l2", "constant", "xgboost")
    chosen = [
        choose_trial(trials[trials["candidate"] == name], OPTIONS[name], BEST) for name in names
    ]
    return trials, chosen


class TestLeaderboard:
    def test_best_first_and_the_winner_is_a_candidate(self, race):
        board = build_leaderboard(race[0], *race[1])
        assert board["candidate"].tolist() == ["constant", "xgboost", "logistic_l2"]
        assert board["is_winner"].tolist() == [False, True, False]
        assert list(board.columns[:4]) == ["candidate", "kind", "is_winner", "trials"]
        assert board["trials"].tolist() == [1, 1, 2]

    def test_means_and_errors_of_the_chosen_trial(self, race):
        row = build_leaderboard(race[0], *race[1]).set_index("candidate").loc["logistic_l2"]
        assert row[HEADLINE] == pytest.approx(0.55)
        assert row[f"{HEADLINE}_standard_error"] == pytest.approx(0.15)
        assert row[f"{HEADLINE}_repeat"] == pytest.approx(0.55 * 1.1)
        assert row[f"{HEADLINE}_explore"] == pytest.approx(0.55 * 0.5)
        assert row["log_loss"] == pytest.approx(0.2)
        assert row["log_loss_standard_error"] == pytest.approx(0.1 / np.sqrt(3))

    def test_says_on_how_much_it_was_ranked(self, race):
        row = build_leaderboard(race[0], *race[1]).iloc[0]
        assert (row["folds"], row["folds_ranked"]) == (3, 2)
        assert (row["products"], row["purchases_covered"]) == (5.0, 0.5)

    def test_equals_stand_in_order_of_their_names(self):
        trials = pd.concat([trials_of(name, [[0.5, 0.5]]) for name in ("xgboost", "logistic_l2")])
        chosen = [
            choose_trial(trials[trials["candidate"] == name], OPTIONS[name], BEST)
            for name in ("xgboost", "logistic_l2")
        ]
        board = build_leaderboard(trials, *chosen)
        assert board["candidate"].tolist() == ["logistic_l2", "xgboost"]
        assert board["is_winner"].tolist() == [True, False]

    def test_a_stand_in_of_several_entries_is_there_once(self):
        baseline = trials_of("constant", [[0.2, 0.3]], kind="baseline")
        tables = [baseline, trials_of("xgboost", [[0.5, 0.7]], rounds=[[5, 5]]), baseline.copy()]
        trials = combine_trials(*tables)
        pd.testing.assert_frame_equal(trials, pd.concat(tables[:2], ignore_index=True))
        chosen = [
            choose_trial(table, OPTIONS[table["candidate"].iloc[0]], BEST) for table in tables
        ]
        board = build_leaderboard(trials, *chosen)
        assert board["candidate"].tolist() == ["xgboost", "constant"]

    def test_parameters_are_those_that_would_be_trained(self, race):
        board = build_leaderboard(race[0], *race[1]).set_index("candidate")
        assert json.loads(board.loc["xgboost", "parameters"]) == TRAINED


FINGERPRINT = Fingerprint("rows", "parameters", "code")


def winner_of(trials, chosen):
    return choose_winner(build_leaderboard(trials, *chosen), trials, FINGERPRINT, *chosen)


class TestChooseWinner:
    def test_the_best_candidate_and_its_lead(self, race):
        trials, chosen = race
        winner = winner_of(trials, chosen)
        assert winner["candidate"] == "xgboost"
        assert winner["parameters"] == TRAINED
        # Paired by fold: 0.5 - 0.4 and 0.7 - 0.7, the fold without products left out.
        assert winner["runner_up"] == {
            "candidate": "logistic_l2",
            "difference": pytest.approx(0.05),
            "standard_error": pytest.approx(0.05),
        }
        assert winner["baseline"] == {
            "candidate": "constant",
            "difference": pytest.approx(-0.3),
            "standard_error": pytest.approx(0.1),
        }
        assert json.loads(json.dumps(winner)) == winner
        assert "runner_up" not in chosen[2]

    def test_carries_what_it_was_made_from(self, race):
        """The trials too: another budget may end in another winner."""
        trials, chosen = race
        found = winner_of(trials, chosen)["fingerprint"]
        assert (found["data"], found["code"]) == ("rows", "code")
        assert found == winner_of(trials, chosen)["fingerprint"]
        other = winner_of(trials.assign(log_loss=0.3), chosen)["fingerprint"]
        assert other["parameters"] != found["parameters"]

    def test_one_fold_gives_no_error(self, race):
        trials, chosen = race
        trials = trials[trials["fold"] == 1]
        winner = winner_of(trials, chosen)
        assert winner["runner_up"]["standard_error"] is None

    def test_a_candidate_alone(self, race):
        trials, chosen = race
        trials = trials[trials["candidate"] != "logistic_l2"]
        winner = winner_of(trials, chosen[1:])
        assert winner["candidate"] == "xgboost"
        assert winner["runner_up"] is None
        alone = winner_of(trials, chosen[2:])
        assert alone["runner_up"] is None
        assert alone["baseline"] is None
