"""A new family goes from the sweep to the bundle by its class, a line and an entry alone."""

import numpy as np
import pandas as pd
import pytest

from push_propensity.evaluation.metrics import HEADLINE
from push_propensity.frame.columns import FEATURE_NAMES
from push_propensity.frame.split import SplitOptions, summarise_split
from push_propensity.models.candidates import Candidates
from push_propensity.models.families import ENTRIES
from push_propensity.pipelines import model_selection, training
from push_propensity.scoring.bundle import publish, read_bundle
from push_propensity.selection.choice import SelectionOptions
from push_propensity.selection.studies import Studies
from push_propensity.training.specification import TrainingOptions
from tests.modelling.entries import CANDIDATES, FAMILY_NAMES
from tests.modelling.test_model_pipelines import run
from tests.modelling.toy_family import ENTRY, add_toy_family
from tests.reporting.measured_shop import DATA_QUALITY, OPTIONS, run_reporting

pytestmark = pytest.mark.slow

SWEEP = {"strength": [0.1, 1_000.0]}


@pytest.fixture(scope="module", autouse=True)
def _toy():
    with pytest.MonkeyPatch.context() as patch:
        add_toy_family(patch)
        yield


@pytest.fixture(scope="module")
def inputs(parts, folds):
    quick = {name: options.model_copy(update={"sweep": {}}) for name, options in CANDIDATES.items()}
    candidates = Candidates(**quick, toy=ENTRY | {"sweep": SWEEP})
    return {
        **parts._asdict(),
        **{f"params:candidates.{name}": options for name, options in candidates.items()},
        "params:candidates": candidates,
        "folds": folds,
        "studies": Studies(),
        "params:model_selection": SelectionOptions(),
        "params:training_options": TrainingOptions(
            candidate="toy", default_candidate="xgboost", resamples=10, seed=5
        ),
        "params:environment": "memory",
        "params:split": SplitOptions(),
    }


@pytest.fixture(scope="module")
def selected(inputs):
    return run(model_selection.create_pipeline(), **inputs)


@pytest.fixture(scope="module")
def trained(inputs):
    return run(training.create_pipeline(), **inputs, winner={})


def test_is_swept_and_stands_on_the_leaderboard(selected):
    trials = selected["toy_trials"]
    assert trials["parameters"].unique().tolist() == ['{"strength": 1000.0}', '{"strength": 0.1}']
    assert trials["n_estimators"].isna().all()
    board = selected["leaderboard"].set_index("candidate")
    assert len(board) == len(FAMILY_NAMES) + 1
    assert (board.loc["toy", "kind"], board.loc["toy", "trials"]) == ("candidate", 2)
    assert board.loc["toy", HEADLINE] > board.loc["constant", HEADLINE]


def test_is_reported_under_its_label_as_winner(selected, inputs, parts):
    given = {name: selected[name] for name in ("trials", "leaderboard")}
    given |= {name: table for name, table in selected.items() if name.endswith("_model")}
    toy = {**selected["winner"], **selected["toy_choice"]}
    board = given["leaderboard"]
    made = run_reporting(
        given
        | {
            "winner": toy,
            "leaderboard": board.assign(is_winner=board["candidate"] == "toy"),
            "lag_metrics": None,
            "current_frame@pandas": None,
            "intake_report": {},
            "calibration": parts.calibration,
            "test": parts.test,
            "split_summary": summarise_split(*parts),
            "data_quality": DATA_QUALITY,
            "params:report_options": OPTIONS,
            "params:split": inputs["params:split"],
        }
    )
    assert "toy" in set(made["test_metrics"]["entry"])
    paths = made["regularisation_paths"]
    assert "strength" in set(paths.loc[paths["candidate"] == "toy", "parameter"])
    assert "Toy regression" in made["report"]
    (line,) = [t for t in made["gains_figure"].data if str(t.name).startswith("Toy regression")]
    assert line.line.dash == "solid"


def test_is_trained_exported_and_published(trained, inputs, parts, tmp_path):
    assert trained["specification"].model_dump() == {
        "candidate": "toy",
        "parameters": {"strength": 0.5},
    }
    published = publish(trained["model_bundle"], tmp_path)
    bundle = read_bundle(tmp_path / published.path)
    assert bundle.manifest.candidate == "toy"
    assert "Toy regression (`toy`)" in bundle.files["model_card.md"].decode()
    rows = parts.test[list(FEATURE_NAMES)].astype({"user_order_seq": float}).to_dict("records")
    columns, faults = bundle.model.schema.tabulate(rows)
    assert not faults
    expected = trained["trained_model"].predict(parts.test)
    np.testing.assert_allclose(bundle.model.score(columns), expected, atol=1e-6)


def test_changes_nothing_for_the_others(selected, inputs, parts, folds):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("push_propensity.models.families.ENTRIES", ENTRIES)
        given = inputs | {"params:candidates": CANDIDATES}
        alone = run(model_selection.create_pipeline(), **given)
    board = selected["leaderboard"].query("candidate != 'toy'")
    columns = ["candidate", HEADLINE, "log_loss"]
    pd.testing.assert_frame_equal(
        board[columns].reset_index(drop=True), alone["leaderboard"][columns]
    )
