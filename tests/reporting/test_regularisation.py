import json

import numpy as np
import pandas as pd
import pytest

from push_propensity.selection.paths import trace_regularisation

SCORES = {
    # trial: (parameters, score of fold 0, score of fold 1)
    0: ({"C": 0.1, "solver": "a", "fixed": 1}, 0.50, 0.60),
    1: ({"C": 1.0, "solver": "a", "fixed": 1}, 0.54, 0.66),
    2: ({"C": 1.0, "solver": "b", "fixed": 1}, 0.50, 0.64),
}


@pytest.fixture
def trials():
    rows = [
        {
            "candidate": "logistic_l2",
            "kind": "candidate",
            "trial": trial,
            "given_up": False,
            "fold": fold,
            "segment": segment,
            "parameters": json.dumps(parameters),
            "product_average_precision": score if segment == "all" else 0.0,
        }
        for trial, (parameters, *scores) in SCORES.items()
        for fold, score in enumerate(scores)
        for segment in ("all", "repeat")
    ]
    return pd.DataFrame(rows)


def test_paths_of_a_hand_worked_sweep(trials):
    table = trace_regularisation(trials)
    assert set(table["parameter"]) == {"C", "solver"}
    c = table[table["parameter"] == "C"].set_index("trial")
    assert c["value"].tolist() == [0.1, 1.0, 1.0]
    assert c["setting"].tolist() == ["0.1", "1", "1"]
    assert c["mean"].tolist() == pytest.approx([0.55, 0.60, 0.57])
    assert c["low"].tolist() == pytest.approx([0.50, 0.54, 0.50])
    assert c["high"].tolist() == pytest.approx([0.60, 0.66, 0.64])
    assert c["on_path"].tolist() == [True, True, False]
    assert c["behind"].tolist() == pytest.approx([0.05, 0.0, 0.03])
    assert c["behind_standard_error"].tolist() == pytest.approx([0.01, 0.0, 0.01])


def test_settings_that_are_no_number_are_text(trials):
    solver = trace_regularisation(trials).query("parameter == 'solver'")
    assert solver["value"].isna().all()
    assert solver["setting"].tolist() == ["a", "a", "b"]
    assert solver["on_path"].tolist() == [False, True, True]


def test_only_a_whole_grid_is_crossed(trials):
    assert not trace_regularisation(trials)["crossed"].any()
    assert trace_regularisation(trials[trials["trial"] < 2])["crossed"].all()


def test_nested_settings_become_text(trials):
    nested = trials.assign(
        parameters=[json.dumps({"shape": [trial, None]}) for trial in trials["trial"]]
    )
    assert set(trace_regularisation(nested)["setting"]) == {"[0, null]", "[1, null]", "[2, null]"}


def test_baselines_and_single_trials_have_no_path(trials):
    assert trace_regularisation(trials.assign(kind="baseline")).empty
    assert trace_regularisation(trials[trials["trial"] == 0]).empty


def test_trials_that_were_given_up_are_left_out(trials):
    stopped = trials.assign(given_up=trials["trial"] == 1)
    stopped = stopped[~((stopped["trial"] == 1) & (stopped["fold"] == 1))]
    expected = trace_regularisation(trials[trials["trial"] != 1])
    pd.testing.assert_frame_equal(trace_regularisation(stopped), expected)


def test_a_fold_without_a_score_is_left_out(trials):
    holed = trials.copy()
    holed.loc[holed["fold"] == 1, "product_average_precision"] = np.nan
    table = trace_regularisation(holed).query("parameter == 'C'").set_index("trial")
    assert table["mean"].tolist() == pytest.approx([0.50, 0.54, 0.50])
    assert table["behind_standard_error"].isna().all()
