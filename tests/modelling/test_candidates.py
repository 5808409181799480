import pickle
import re
from copy import deepcopy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer

from push_propensity.errors import DataError, ParameterError
from push_propensity.frame.columns import (
    COLUMNS,
    DECAYED_FREQUENCY,
    EXTENDED_NAMES,
    FEATURE_NAMES,
    METADATA,
    NEIGHBOUR_SHARE,
    OWN_FREQUENCY,
    choose_features,
)
from push_propensity.models.boosted import BoostedTrees, XGBoostParameters
from push_propensity.models.candidates import CandidateOptions, Candidates, check_parameters
from push_propensity.models.families import BASELINE, ENTRIES, FAMILIES

TRAINABLE = ["logistic_l2", "logistic_elastic_net", "xgboost"]
BASELINES = [
    "constant",
    "global_popularity",
    "ordered_before_popularity",
    "own_frequency",
    "decayed_frequency",
    "neighbour_frequency",
]
SECRET = "alice@example.org"

REFUSED = {
    "unknown": ("logistic_l2", {"c": 1.0}, "c: Extra inputs"),
    "of another family": ("logistic_l2", {"l1_ratio": 0.5}, "l1_ratio: Extra"),
    "C of 0": ("logistic_l2", {"C": 0}, "C: Input should be greater than 0"),
    "negative C": ("logistic_elastic_net", {"C": -0.1}, "C: Input should be greater than 0"),
    "huge C": ("logistic_l2", {"C": 1e300}, "C: Input should be less than or equal to 1000000"),
    "endless C": ("logistic_l2", {"C": 10**400}, "C: Input should be a valid number"),
    "NaN": ("logistic_l2", {"C": float("nan")}, "C: Input should be a finite number"),
    "infinity": ("xgboost", {"reg_lambda": float("inf")}, "reg_lambda: Input should be a finite"),
    "text": ("logistic_l2", {"C": SECRET}, "C: Input should be a valid number"),
    "number as text": ("xgboost", {"max_depth": "5"}, "max_depth: Input should be a valid integer"),
    "boolean": ("logistic_l2", {"C": True}, "C: Input should be a valid number"),
    "boolean depth": ("xgboost", {"max_depth": True}, "max_depth: Input should be a valid integer"),
    "none": ("xgboost", {"max_depth": None}, "max_depth: Input should be a valid integer"),
    "list": ("logistic_l2", {"C": [1.0]}, "C: Input should be a valid number"),
    "object": ("xgboost", {"subsample": {"a": 1}}, "subsample: Input should be a valid number"),
    "depth -1": ("xgboost", {"max_depth": -1}, "max_depth: Input should be greater than or equal"),
    "depth 0": ("xgboost", {"max_depth": 0}, "max_depth: Input should be greater than or equal"),
    "half a tree": ("xgboost", {"n_estimators": 1.5}, "n_estimators: Input should be a valid int"),
    "no trees": ("xgboost", {"n_estimators": 0}, "n_estimators: Input should be greater"),
    "too many trees": ("xgboost", {"n_estimators": 10**9}, "n_estimators: Input should be less"),
    "ratio above 1": ("logistic_elastic_net", {"l1_ratio": 1.01}, "l1_ratio: Input should be less"),
    "no rate": ("xgboost", {"learning_rate": 0.0}, "learning_rate: Input should be greater than 0"),
    "no rows": ("xgboost", {"subsample": 0}, "subsample: Input should be greater than 0"),
    "a baseline's": ("constant", {"C": 1.0}, "C: Extra inputs .* Allowed parameters: none"),
    "a number as name": ("logistic_l2", {1: 1.0}, "parameter names must be text"),
    "a lone surrogate as name": ("logistic_l2", {"\ud800": 1.0}, r"not allowed"),
}


class TestCheckParameters:
    @pytest.mark.parametrize("case", REFUSED)
    def test_refusals_name_the_parameter_and_what_is_allowed(self, case):
        family, parameters, expected = REFUSED[case]
        with pytest.raises(ParameterError, match=expected) as caught:
            check_parameters(family, parameters)
        message = str(caught.value)
        allowed = ", ".join(FAMILIES[family].parameters.model_fields) or "none"
        assert message.startswith(f"{family} got parameters that are not allowed")
        assert message.endswith(f"Allowed parameters: {allowed}.")
        assert SECRET not in message
        assert message.isascii()

    def test_messages_stay_short(self):
        names = {f"{'x' * 10_000}{number}": 1 for number in range(1_000)}
        with pytest.raises(ParameterError) as caught:
            check_parameters("xgboost", names)
        assert len(str(caught.value)) < 2_000
        assert "990 more" in str(caught.value)

    def test_several_faults_are_all_named(self):
        with pytest.raises(ParameterError, match=r"max_depth.*; subsample"):
            check_parameters("xgboost", {"max_depth": 0, "subsample": 2})

    def test_a_whole_number_is_a_number(self):
        assert check_parameters("logistic_l2", {"C": 1}).model_dump() == {"C": 1.0}

    @given(st.dictionaries(st.text(max_size=5) | st.sampled_from("C"), st.floats() | st.integers()))
    @settings(max_examples=100, deadline=None)
    def test_nothing_else_is_raised(self, parameters):
        try:
            checked = check_parameters("logistic_l2", parameters)
        except ParameterError:
            return
        assert set(parameters) <= {"C"}
        assert 0 < checked.C <= 1e6


class TestCandidateOptions:
    def test_configured_values_complete_what_is_left_out(self):
        options = CandidateOptions(
            family="logistic_elastic_net", parameters={"C": 0.3, "l1_ratio": 0.2}, seed=1
        )
        assert options.complete({}).model_dump() == {"C": 0.3, "l1_ratio": 0.2}
        assert options.complete({"C": 2.0}).model_dump() == {"C": 2.0, "l1_ratio": 0.2}

    @pytest.mark.parametrize(
        "changes",
        [
            {"parameters": {"max_depth": 99}},
            {"sweep": {"max_depth": [3, 0]}},
            {"sweep": {"x": [1]}},
        ],
    )
    def test_configured_values_are_checked(self, changes):
        with pytest.raises(ParameterError, match="xgboost got parameters that are not allowed"):
            CandidateOptions(family="xgboost", seed=1, **changes)

    def test_unknown_family(self):
        with pytest.raises(ValueError, match=r"family must be one of constant, .*, xgboost"):
            CandidateOptions(family="forest", seed=1)

    @pytest.mark.parametrize(
        "changes",
        [
            {"negative_share": 0.0},
            {"negative_share": 1.1},
            {"threads": 0},
            {"x": 1},
        ],
    )
    def test_options_are_checked(self, changes):
        with pytest.raises(ValueError, match=next(iter(changes))):
            CandidateOptions(family="xgboost", seed=1, **changes)

    @pytest.mark.parametrize(
        ("search", "message"),
        [
            ({"strategy": "guess"}, r"strategy\n.*'grid', 'random' or 'bayesian'"),
            ({"n_trials": 0}, "n_trials"),
            ({"seconds": 0}, r"seconds\n.*greater than 0"),
            ({"negative_share": 0.0}, "negative_share"),
            ({"reduction_factor": 1}, "reduction_factor"),
            ({"strategy": "bayesian"}, "a bayesian search needs n_trials or seconds"),
        ],
    )
    def test_search_options_are_checked(self, search, message):
        with pytest.raises(ValueError, match=message):
            CandidateOptions(family="xgboost", seed=1, search=search)

    def test_a_search_may_not_boost_longer_than_a_model_can(self):
        with pytest.raises(ParameterError, match="n_estimators: Input should be less than"):
            CandidateOptions(family="xgboost", seed=1, search={"most_rounds": 6_000})

    def test_a_learning_rate_of_the_search_must_be_possible(self):
        with pytest.raises(ParameterError, match="logistic_l2 got parameters that are not allowed"):
            CandidateOptions(family="logistic_l2", seed=1, search={"learning_rate": 0.2})
        with pytest.raises(ParameterError, match=r"n_estimators: .*less than or equal to 5000"):
            CandidateOptions(
                family="xgboost",
                seed=1,
                parameters={"learning_rate": 0.01},
                search={"learning_rate": 0.2},
            )
        with pytest.raises(ValueError, match="learning_rate is swept, so `search` must not set it"):
            CandidateOptions(
                family="xgboost",
                seed=1,
                sweep={"learning_rate": [0.1, 0.2]},
                search={"learning_rate": 0.2},
            )

    @pytest.mark.parametrize("name", BASELINES)
    def test_a_baseline_has_one_trial(self, name):
        options = CandidateOptions(family=name, seed=1)
        assert options.definition.kind == "baseline"
        assert options.points() == [{}]


class TestCandidates:
    """The entries as Kedro gives them."""

    @staticmethod
    def configured(**changes):
        return {name: {"family": name, "seed": 1} for name in ENTRIES} | changes

    def test_are_checked_options_by_name(self):
        found = Candidates(**self.configured(xgboost={"family": "xgboost", "seed": 4}))
        assert found == {
            name: CandidateOptions(family=name, seed=4 if name == "xgboost" else 1)
            for name in ENTRIES
        }

    @pytest.mark.parametrize("copied", [deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
    def test_can_be_copied(self, copied):
        found = Candidates(**self.configured())
        assert copied(found) == found
        assert type(copied(found)) is Candidates

    def test_an_unknown_entry_is_refused_with_the_allowed_ones(self):
        allowed = ", ".join(ENTRIES)
        message = rf"`candidates` has no use for xgbost\. Its entries are {allowed}\."
        with pytest.raises(ParameterError, match=message):
            Candidates(**self.configured(xgbost={"threads": 3}))

    def test_a_missing_entry_is_named(self):
        given = self.configured()
        del given["constant"]
        with pytest.raises(ParameterError, match="`candidates` lacks constant"):
            Candidates(**given)

    def test_an_entry_is_named_after_its_family(self):
        other = {"family": "logistic_l2", "seed": 1}
        with pytest.raises(
            ParameterError, match=r"candidates\.xgboost is of the family logistic_l2"
        ):
            Candidates(**self.configured(xgboost=other))

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"parameters": {"max_depth": 99}}, "xgboost got parameters that are not allowed"),
            ({"search": {"n_trial": 3}}, "n_trial"),
        ],
    )
    def test_an_entry_s_options_are_checked(self, changes, message):
        given = {"family": "xgboost", "seed": 1} | changes
        with pytest.raises((ParameterError, ValueError), match=message):
            Candidates(**self.configured(xgboost=given))


class TestPoints:
    def test_the_grid_is_complete_and_goes_from_the_simplest(self):
        options = CandidateOptions(
            family="logistic_elastic_net",
            sweep={"C": [1.0, 0.01, 0.1], "l1_ratio": [0.2, 0.9]},
            seed=1,
        )
        found = [(point["C"], point["l1_ratio"]) for point in options.points()]
        assert found == [(c, ratio) for c in (0.01, 0.1, 1.0) for ratio in (0.9, 0.2)]

    def test_deeper_and_less_regularised_trees_come_later(self):
        sweep = {
            "max_depth": [5, 3],
            "min_child_weight": [1.0, 50.0],
            "reg_lambda": [1.0, 100.0],
        }
        points = CandidateOptions(family="xgboost", sweep=sweep, seed=1).points()
        assert len(points) == 8
        assert points[0] == {"max_depth": 3, "min_child_weight": 50.0, "reg_lambda": 100.0}
        assert points[-1] == {"max_depth": 5, "min_child_weight": 1.0, "reg_lambda": 1.0}
        assert [point["max_depth"] for point in points] == [3] * 4 + [5] * 4

    def test_fewer_rounds_of_the_same_depth_are_simpler(self):
        family = FAMILIES["xgboost"]
        sizes = [(40, 3), (60, 2), (50, 5), (300, 1)]
        keys = [
            family.complexity(XGBoostParameters(n_estimators=rounds, max_depth=depth))
            for rounds, depth in sizes
        ]
        assert sorted(keys) == [keys[1], keys[0], keys[2], keys[3]]

    @staticmethod
    def draw(seed, n_trials):
        options = CandidateOptions(
            family="xgboost",
            sweep={"max_depth": [3, 4, 5], "reg_alpha": [0.0, 1.0, 2.0]},
            search={"strategy": "random", "n_trials": n_trials},
            seed=seed,
        )
        return [(point["max_depth"], point["reg_alpha"]) for point in options.points()]

    def test_drawn_ones_are_different_points_of_the_grid(self):
        assert self.draw(1, 5) == self.draw(1, 5)
        assert len(set(self.draw(1, 9))) == 9
        assert len({tuple(self.draw(seed, 5)) for seed in range(5)}) > 1

    def test_a_smaller_budget_draws_the_first_of_a_larger_one(self):
        assert self.draw(3, 4) == self.draw(3, 9)[:4]

    @pytest.mark.parametrize("strategy", ["grid", "random"])
    def test_more_trials_than_points_are_all_points(self, strategy):
        options = CandidateOptions(
            family="logistic_l2",
            sweep={"C": [1.0, 0.1]},
            search={"strategy": strategy, "n_trials": 9},
            seed=1,
        )
        assert sorted(point["C"] for point in options.points()) == [0.1, 1.0]

    def test_without_a_sweep_the_configured_values(self):
        options = CandidateOptions(family="logistic_l2", parameters={"C": 0.7}, seed=1)
        assert [options.complete(point).C for point in options.points()] == [0.7]


class TestSettled:
    """From a point that was tried to the parameters that are trained."""

    options = CandidateOptions(
        family="xgboost",
        parameters={"learning_rate": 0.1},
        search={"learning_rate": 0.2},
        seed=1,
    )

    def test_the_search_takes_larger_steps(self):
        assert self.options.searched({"max_depth": 3}).learning_rate == 0.2

    @pytest.mark.parametrize(("rounds", "settled"), [(1, 2), (45.5, 91), (100, 200)])
    def test_smaller_steps_go_as_far(self, rounds, settled):
        found = self.options.settled({"max_depth": 3}, rounds)
        assert (found.max_depth, found.learning_rate, found.n_estimators) == (3, 0.1, settled)

    def test_at_the_same_rate_rounds_stay(self):
        options = CandidateOptions(family="xgboost", seed=1)
        assert options.settled({"learning_rate": 0.3}, 17.0).n_estimators == 17

    def test_what_is_not_boosted_stays(self):
        options = CandidateOptions(family="logistic_l2", seed=1)
        assert options.settled({"C": 0.5}, float("nan")).model_dump() == {"C": 0.5}


class TestFamilies:
    @pytest.mark.parametrize("name", FAMILIES)
    def test_every_call_gives_a_fresh_unfitted_encoder_and_estimator(self, name):
        family, parameters = FAMILIES[name], FAMILIES[name].parameters()
        encoder = family.encoder(FEATURE_NAMES)
        assert isinstance(encoder, ColumnTransformer)
        assert encoder is not family.encoder(FEATURE_NAMES)
        first, second = (family.estimator(parameters, 1, 2) for _ in range(2))
        assert first is not second
        assert not hasattr(first, "coef_")

    @pytest.mark.parametrize("name", TRAINABLE)
    def test_parameters_seed_and_threads_reach_the_library(self, name):
        family = FAMILIES[name]
        parameters = family.parameters()
        given_to = family.estimator(parameters, 17, 2).get_params()
        assert {key: given_to[key] for key in parameters.model_dump()} == parameters.model_dump()
        if name == "xgboost":  # the others draw nothing
            assert (given_to["random_state"], given_to["n_jobs"]) == (17, 2)

    def test_candidates_and_baselines(self):
        kinds = {name: family.kind for name, family in FAMILIES.items()}
        assert kinds == dict.fromkeys(BASELINES, "baseline") | dict.fromkeys(TRAINABLE, "candidate")
        boosted = [name for name in FAMILIES if isinstance(FAMILIES[name], BoostedTrees)]
        assert boosted == ["xgboost"]
        assert FAMILIES[BASELINE].kind == "baseline"

    @pytest.mark.parametrize("name", FAMILIES)
    def test_each_says_what_people_and_manifests_call_it(self, name):
        family = FAMILIES[name]
        assert family.name == name
        assert family.label
        assert family.label not in [f.label for f in FAMILIES.values() if f is not family]
        library, version = family.library
        assert library
        assert re.match(r"\d+\.\d+", version)

    @pytest.mark.parametrize("name", TRAINABLE)
    def test_simplicity_is_a_total_order(self, name):
        family = FAMILIES[name]
        key = family.complexity(family.parameters())
        assert key == family.complexity(family.parameters())
        assert all(np.isfinite(key))


class TestChooseFeatures:
    def test_those_of_the_frame_whatever_else_there_is(self):
        assert choose_features(COLUMNS, "frame") == FEATURE_NAMES
        assert choose_features([*COLUMNS, *EXTENDED_NAMES], "frame") == FEATURE_NAMES

    @pytest.mark.parametrize("some", [EXTENDED_NAMES, EXTENDED_NAMES[5:7], EXTENDED_NAMES[-1:]])
    def test_the_extended_ones_that_there_are_in_their_order(self, some):
        columns = [*METADATA, *reversed(some), *COLUMNS]
        assert choose_features(columns, "extended") == (*FEATURE_NAMES, *some)

    def test_none_is_an_error_that_says_what_to_do(self):
        with pytest.raises(DataError, match=r"no extended feature.*features to frame\.$"):
            choose_features([*COLUMNS, *METADATA], "extended")


class TestStandIns:
    def test_own_frequency_is_measured_where_the_frame_has_it(self):
        options = CandidateOptions(family="own_frequency", seed=1)
        assert options.measurable_on([*COLUMNS, OWN_FREQUENCY]) == options
        stand_in = options.measurable_on(COLUMNS)
        assert stand_in.family == "ordered_before_popularity"
        assert stand_in == CandidateOptions(family="ordered_before_popularity", seed=1)

    @pytest.mark.parametrize(
        ("family", "columns", "measured"),
        [
            ("decayed_frequency", [DECAYED_FREQUENCY], "decayed_frequency"),
            ("decayed_frequency", [OWN_FREQUENCY], "own_frequency"),
            ("decayed_frequency", [], "ordered_before_popularity"),
            ("neighbour_frequency", [NEIGHBOUR_SHARE, OWN_FREQUENCY], "neighbour_frequency"),
            ("neighbour_frequency", [NEIGHBOUR_SHARE], "ordered_before_popularity"),
            ("neighbour_frequency", [OWN_FREQUENCY], "own_frequency"),
        ],
    )
    def test_a_stand_in_may_have_one_itself(self, family, columns, measured):
        options = CandidateOptions(family=family, seed=1)
        assert options.measurable_on([*COLUMNS, *columns]).family == measured

    def test_the_last_of_them_is_no_entry(self):
        assert set(FAMILIES) - set(ENTRIES) == {"ordered_before_popularity"}

    @pytest.mark.parametrize("name", [name for name in ENTRIES if not FAMILIES[name].needs])
    def test_the_others_always_are(self, name):
        options = CandidateOptions(family=name, seed=1)
        assert options.measurable_on(COLUMNS) is options
