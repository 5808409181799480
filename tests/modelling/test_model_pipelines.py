"""Model selection and training as pipelines, on in-memory catalogs."""

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner

from push_propensity.datasets import BundleDataset
from push_propensity.errors import DataError
from push_propensity.evaluation.metrics import HEADLINE
from push_propensity.frame.columns import EXTENDED_NAMES, FEATURE_NAMES
from push_propensity.frame.split import SplitOptions
from push_propensity.models.families import ENTRIES
from push_propensity.pipelines import model_selection, training
from push_propensity.scoring.bundle import publish, read_bundle
from push_propensity.selection.choice import SelectionOptions
from push_propensity.selection.studies import Studies
from push_propensity.training.specification import TrainingOptions
from tests.conftest import sample_rows
from tests.modelling.entries import CANDIDATE_NAMES, CANDIDATES, FAMILY_NAMES, MEASURED

pytestmark = pytest.mark.slow

OPTIONS = TrainingOptions(default_candidate="logistic_l2", resamples=10, seed=5)
PARAMETERS = {"params:candidates": CANDIDATES} | {
    f"params:candidates.{name}": options for name, options in CANDIDATES.items()
}
MODELS = [f"{name}_model" for name in ENTRIES]


class KeptDataset(MemoryDataset):
    """Keeps its data when the runner has no further use for it."""

    def _release(self):
        pass


def run(pipeline, **inputs):
    """Run with everything in memory; everything that was made can be loaded."""
    given = {name: inputs[name] for name in pipeline.inputs()}
    datasets = {name: MemoryDataset(data, copy_mode="assign") for name, data in given.items()}
    made = {name: KeptDataset(copy_mode="assign") for name in pipeline.all_outputs()}
    catalog = DataCatalog({**datasets, **made})
    SequentialRunner().run(pipeline, catalog)
    return {name: catalog.load(name) for name in pipeline.all_outputs()}


@pytest.fixture(scope="module")
def inputs(parts, folds):
    return {
        **parts._asdict(),
        **PARAMETERS,
        "folds": folds,
        "studies": Studies(),
        "params:model_selection": SelectionOptions(rule="best"),
        "params:training_options": OPTIONS,
        "params:environment": "memory",
        "params:split": SplitOptions(minimum_items=4),
    }


@pytest.fixture(scope="module")
def selected(inputs):
    return run(model_selection.create_pipeline(), **inputs)


@pytest.fixture(scope="module")
def trained(inputs, selected):
    return run(training.create_pipeline(), **inputs, winner=selected["winner"])


class TestSelection:
    def test_every_entry_is_on_the_leaderboard(self, selected):
        board = selected["leaderboard"]
        assert sorted(board["candidate"]) == sorted(FAMILY_NAMES)
        assert board[HEADLINE].is_monotonic_decreasing
        assert board["is_winner"].sum() == 1

    def test_the_winner_is_the_best_candidate_with_its_lead(self, selected):
        board, winner = selected["leaderboard"], selected["winner"]
        candidates = board[board["kind"] == "candidate"].reset_index(drop=True)
        assert board.loc[board["is_winner"], "candidate"].item() == winner["candidate"]
        assert candidates["candidate"][0] == winner["candidate"]
        runner_up = winner["runner_up"]
        assert runner_up["candidate"] == candidates["candidate"][1]
        difference = candidates[HEADLINE][0] - candidates[HEADLINE][1]
        assert runner_up["difference"] == pytest.approx(difference)

    def test_the_trials_of_all_entries_are_kept(self, selected):
        trials = selected["trials"]
        assert list(dict.fromkeys(trials["candidate"])) == list(FAMILY_NAMES)
        sizes = trials.groupby("candidate").size()
        tables = [len(selected[f"{name}_trials"]) for name in ENTRIES]
        assert sizes.to_dict() == dict(zip(MEASURED, tables, strict=True))

    def test_every_contender_scores_test_rows(self, selected, parts):
        assert [selected[name].name for name in MODELS] == list(MEASURED)
        for name in MODELS:
            probability = selected[name].predict(parts.test)
            assert ((probability > 0) & (probability < 1)).all()

    def test_reproducible(self, inputs, selected):
        again = run(model_selection.create_pipeline(), **inputs)
        pd.testing.assert_frame_equal(again["leaderboard"], selected["leaderboard"])
        assert again["winner"] == selected["winner"]

    def test_the_other_rule(self, inputs, selected):
        rule = SelectionOptions(rule="one_standard_error")
        again = run(model_selection.create_pipeline(), **inputs | {"params:model_selection": rule})
        for name in CANDIDATE_NAMES:
            simple, best = again[f"{name}_choice"], selected[f"{name}_choice"]
            assert simple["rule"] == "one_standard_error"
            assert simple["trial"] <= best["trial"]


class TestTraining:
    def test_the_winner_is_the_contender_that_was_compared(self, selected, trained, parts):
        contender = selected[f"{selected['winner']['candidate']}_model"]
        np.testing.assert_array_equal(
            trained["trained_model"].predict(parts.test), contender.predict(parts.test)
        )

    @pytest.mark.parametrize("name", CANDIDATE_NAMES)
    def test_so_is_any_other_with_its_choice(self, inputs, selected, parts, name):
        again = run(training.create_pipeline(), **inputs, winner=selected[f"{name}_choice"])
        contender = selected[f"{name}_model"]
        np.testing.assert_array_equal(
            again["trained_model"].predict(parts.test), contender.predict(parts.test)
        )
        assert again["parity"] <= OPTIONS.parity_tolerance

    def test_the_bundle_publishes_loads_and_scores(self, trained, parts, tmp_path):
        published = publish(trained["model_bundle"], tmp_path)
        bundle = read_bundle(tmp_path / published.path)
        assert bundle.manifest.metrics["export_difference"] == trained["parity"]
        rows = parts.test[list(FEATURE_NAMES)].astype({"user_order_seq": float}).to_dict("records")
        columns, faults = bundle.model.schema.tabulate(rows)
        assert not faults
        expected = trained["trained_model"].predict(parts.test)
        np.testing.assert_allclose(bundle.model.score(columns), expected, atol=1e-6)

    def test_through_the_catalog_s_entry(self, trained, tmp_path):
        dataset = BundleDataset(filepath=str(tmp_path))
        dataset.save(trained["model_bundle"])
        loaded = dataset.load()
        assert loaded.manifest.fingerprint == trained["fingerprint"]
        card = trained["model_bundle"].files["model_card.md"]
        titled = card.replace(
            b"# Model card\n", f"# Model card: {loaded.manifest.name}\n".encode(), 1
        )
        assert loaded.files == trained["model_bundle"].files | {"model_card.md": titled}

    def test_reproducible(self, inputs, selected, trained):
        again = run(training.create_pipeline(), **inputs, winner=selected["winner"])
        assert again["model_bundle"] == trained["model_bundle"]

    def test_without_a_selection_the_default_candidate(self, inputs):
        made = run(training.create_pipeline(), **inputs, winner={})
        assert made["specification"].candidate == "logistic_l2"
        assert made["specification"].parameters == {"C": 0.1}

    def test_test_rows_are_never_fitted(self, inputs, selected, trained, parts):
        spoilt = parts.test.assign(outcome=1.0 - parts.test["outcome"], vendor="other")
        given = inputs | {"test": spoilt}
        again = run(training.create_pipeline(), **given, winner=selected["winner"])
        assert again["model_bundle"] == trained["model_bundle"]
        assert "test" not in model_selection.create_pipeline().inputs()

    def test_a_refit_covers_everything_and_says_so(self, inputs, selected, trained, kept):
        changed = {"params:training_options": OPTIONS.model_copy(update={"refit": "all"})}
        made = run(training.create_pipeline(), **inputs | changed, winner=selected["winner"])
        both = pd.concat([made["training_window"], made["calibration_window"]], ignore_index=True)
        pd.testing.assert_frame_equal(both, kept)
        manifest = made["model_bundle"].manifest
        assert manifest.training_window["refit"] == "all"
        assert manifest.calibration_window["last_day"] == f"{kept['created_at'].max():%Y-%m-%d}"
        assert "so no test part is left" in made["model_bundle"].files["model_card.md"].decode()
        assert manifest.fingerprint.data != trained["fingerprint"].data

    def test_windows_without_a_refit(self, trained, development, parts):
        pd.testing.assert_frame_equal(trained["training_window"], development)
        pd.testing.assert_frame_equal(trained["calibration_window"], parts.calibration)


class TestExtendedFeatures:
    @pytest.fixture(scope="class")
    @staticmethod
    def made(inputs, extended_parts):
        """Both pipelines on a frame with extended features whose train part is a sample."""
        sampled = extended_parts._replace(train=sample_rows(extended_parts.train, 0.6, seed=1))
        options = {"params:model_selection": SelectionOptions(features="extended")}
        given = inputs | sampled._asdict() | options
        selected = run(model_selection.create_pipeline(), **given)
        trained = run(training.create_pipeline(), **given, winner=selected["winner"])
        return selected | trained

    def test_rules_of_the_own_frequency_beat_popularity(self, made):
        board = made["leaderboard"]
        assert sorted(board["candidate"]) == sorted(ENTRIES)
        baselines = board.loc[board["kind"] == "baseline", "candidate"]
        assert set(baselines.iloc[:2]) == {"own_frequency", "neighbour_frequency"}
        assert made["winner"]["features"] == "extended"

    def test_the_winner_is_the_contender_that_was_compared(self, made, extended_parts):
        contender = made[f"{made['winner']['candidate']}_model"]
        assert contender.features == made["model_features"]
        np.testing.assert_array_equal(
            made["trained_model"].predict(extended_parts.test),
            contender.predict(extended_parts.test),
        )

    def test_the_bundle_needs_the_features_that_were_used(self, made, tmp_path):
        published = publish(made["model_bundle"], tmp_path)
        manifest = read_bundle(tmp_path / published.path).manifest
        assert tuple(feature.name for feature in manifest.features) == made["model_features"]
        assert made["model_features"] == (*FEATURE_NAMES, *EXTENDED_NAMES)

    def test_that_the_frame_lacks(self, inputs):
        options = {"params:model_selection": SelectionOptions(features="extended")}
        with pytest.raises(DataError, match="no extended feature"):
            run(training.create_pipeline(), **inputs | options, winner={})
