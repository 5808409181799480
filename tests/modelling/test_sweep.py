import json

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from push_propensity.errors import DataError
from push_propensity.evaluation.metrics import HEADLINE, METRICS, SEGMENTS, evaluate_segments
from push_propensity.frame.columns import FEATURE_NAMES
from push_propensity.frame.split import fold_masks, keep_large_orders
from push_propensity.models.candidates import CandidateOptions
from push_propensity.scoring.bundle import Fingerprint
from push_propensity.selection.choice import SelectionOptions
from push_propensity.selection.search import Trial
from push_propensity.selection.studies import Studies
from push_propensity.selection.sweep import EncodedFold, _tabulate, sweep, sweep_candidate
from tests.conftest import sample_rows
from tests.modelling.entries import CANDIDATE_NAMES, FAMILY_NAMES, entry, fit

KEYS = ["candidate", "kind", "trials", "trial", "given_up", "fold", "segment", "parameters"]
KEYS += ["n_estimators"]
SIZES = ["rows", "purchases", "products", "purchases_covered"]


def sort_keys(values):
    return dict(sorted(values.items()))


@pytest.fixture(scope="module")
def tables(development, folds):
    return {name: sweep(development, folds, entry(name)) for name in FAMILY_NAMES}


class TestTable:
    @pytest.mark.parametrize("name", FAMILY_NAMES)
    def test_one_row_per_trial_fold_and_segment(self, tables, name):
        table, trials = tables[name], len(entry(name).points())
        assert list(table.columns) == [*KEYS, *SIZES, *METRICS]
        assert len(table) == trials * 2 * len(SEGMENTS)
        assert not table.duplicated(["trial", "fold", "segment"]).any()
        assert table.index.tolist() == list(range(len(table)))
        assert set(table["trial"]) == set(range(trials))
        assert set(table["fold"]) == {1, 2}
        assert (table["candidate"] == name).all()
        assert table["kind"].unique().tolist() == [entry(name).definition.kind]
        assert table.loc[table["segment"] == "all", list(METRICS)].notna().all(axis=None)

    @pytest.mark.parametrize("name", FAMILY_NAMES)
    def test_trials_are_the_points_of_the_entry_from_the_simplest(self, tables, name):
        first = tables[name].drop_duplicates("trial").sort_values("trial")
        options = entry(name)
        expected = [options.complete(point).model_dump() for point in options.points()]
        found = [json.loads(text) for text in first["parameters"]]
        assert sorted(found, key=str) == sorted(map(sort_keys, expected), key=str)
        rounds = tables[name].groupby("trial")["n_estimators"].median()
        settled = [options.settled(*trial) for trial in zip(found, rounds, strict=True)]
        sizes = [options.definition.complexity(parameters) for parameters in settled]
        assert sizes == sorted(sizes)

    def test_the_folds_are_those_of_the_plan(self, tables, development, folds):
        sizes = tables["constant"].set_index(["fold", "segment"])
        for fold, _, validation in fold_masks(development, folds):
            part = development[validation]
            assert sizes.loc[(fold, "all"), "rows"] == len(part)
            assert sizes.loc[(fold, "repeat"), "rows"] == part["ordered_before"].sum()
            assert sizes.loc[(fold, "all"), "purchases"] == part["outcome"].sum()

    def test_boosted_trials_say_their_best_round(self, tables):
        rounds = tables["xgboost"]["n_estimators"]
        assert (rounds == rounds.round()).all()
        assert rounds.between(1, entry("xgboost").search.most_rounds - 1).all()
        others = pd.concat([table for name, table in tables.items() if name != "xgboost"])
        assert others["n_estimators"].isna().all()

    def test_reproducible(self, tables, development, folds):
        again = sweep(development, folds, entry("xgboost"))
        pd.testing.assert_frame_equal(again, tables["xgboost"])


class TestNumbers:
    @pytest.mark.parametrize("name", CANDIDATE_NAMES)
    def test_are_those_of_the_models_fitted_alone(self, tables, development, folds, name):
        """Each trial is what training would give."""
        options = entry(name)
        table = tables[name].set_index(["trial", "fold"])
        for fold, train, validation in fold_masks(development, folds):
            for number in table.index.unique("trial"):
                rows = table.loc[(number, fold)]
                given = json.loads(rows["parameters"].iloc[0])
                if name == "xgboost":
                    given["n_estimators"] = int(rows["n_estimators"].iloc[0])
                model = fit(development[train], options, **given)
                part = development[validation]
                expected = evaluate_segments(part, model.predict(part))
                for metric in ("log_loss", "brier_score", "product_roc_auc"):
                    np.testing.assert_allclose(rows[metric], expected[metric], atol=2e-3)

    def test_better_models_have_better_numbers(self, tables):
        def best(name):
            table = tables[name]
            rows = table[table["segment"] == "all"]
            return rows.groupby("trial")["product_average_precision"].mean().max()

        assert best("logistic_l2") > best("ordered_before_popularity") > best("constant")
        assert best("xgboost") > best("ordered_before_popularity")

    def test_training_on_a_share_of_the_negatives_keeps_the_level(self, tables, development, folds):
        options = entry("logistic_l2", search={"negative_share": 0.4})
        drawn = sweep(development, folds, options)
        whole = tables["logistic_l2"]
        assert not np.allclose(drawn["log_loss"], whole["log_loss"], atol=1e-9)
        np.testing.assert_allclose(drawn["log_loss"], whole["log_loss"], atol=0.05)

    def test_shuffled_rows_in_canonical_order_give_the_same_table(self, tables, development, folds):
        shuffled = keep_large_orders(development.sample(frac=1.0, random_state=8), 1)
        again = sweep(shuffled, folds, entry("logistic_elastic_net"))
        pd.testing.assert_frame_equal(again, tables["logistic_elastic_net"])


class TestEncodedFold:
    @staticmethod
    def encode(development, train, validation, options):
        encoder = options.definition.encoder(FEATURE_NAMES)
        return EncodedFold.of(development, train, validation, options, encoder)

    def test_the_encoder_sees_the_training_rows_alone(self, development):
        held = (development["vendor"] == "vendor-1").to_numpy()
        fold = self.encode(development, ~held, held, entry("logistic_l2"))
        numbers = fold.shared.train.encoded[:, :19].toarray()
        np.testing.assert_allclose(numbers.mean(axis=0), 0.0, atol=1e-9)
        vendors = fold.shared.validation[:, 25:].toarray()
        assert (vendors == 0).all()  # unknown: none of the known ones
        ordinal = self.encode(development, ~held, held, entry("xgboost"))
        assert (ordinal.shared.validation[:, -1] == -1).all()

    def test_draws_and_weighs_the_rows_without_a_purchase(self, development):
        every = np.ones(len(development), dtype=bool)
        options = entry("logistic_l2", search={"negative_share": 0.5})
        fold = self.encode(development, every, every, options)
        for rows in (fold.shared.train, fold.shared.stopping):
            assert rows.encoded.shape[0] == len(rows.outcome) == len(rows.weight)
            assert rows.outcome.sum() == development["outcome"].sum()
            assert set(rows.weight) == {1.0, 2.0}
        assert fold.shared.validation.shape[0] == len(development) == len(fold.measured)

    def test_small_data_are_not_thinned(self, development):
        every = np.ones(len(development), dtype=bool)
        options = entry("logistic_l2", search={"negative_share": 0.5}, minimum_negatives=10_000)
        fold = self.encode(development, every, every, options)
        for rows in (fold.shared.train, fold.shared.stopping):
            assert rows.encoded.shape[0] == len(development)
            assert set(rows.weight) == {1.0}


class TestSampledRows:
    @pytest.fixture(scope="class")
    @staticmethod
    def sampled(development):
        """Folds lie in the sampled part."""
        return sample_rows(development, 0.5, seed=4)

    @pytest.mark.parametrize("name", CANDIDATE_NAMES)
    def test_trials_measure_about_the_same(self, tables, sampled, folds, name):
        found = sweep(sampled, folds, entry(name))
        whole = tables[name]
        assert (found["rows"] < whole["rows"]).all()
        assert found["purchases"].tolist() == whole["purchases"].tolist()
        for metric, tolerance in (("log_loss", 0.03), ("brier_score", 0.02), ("roc_auc", 0.05)):
            rows = found["segment"] == "all"
            np.testing.assert_allclose(found[metric][rows], whole[metric][rows], atol=tolerance)

    def test_early_stopping_minds_the_weights(self, sampled, folds):
        options = entry(
            "xgboost", sweep={"learning_rate": [0.5]}, search={"early_stopping_rounds": 2}
        )
        rows = sweep(sampled, folds, options).query("fold == 1 and segment == 'all'")
        best = int(rows["n_estimators"].iloc[0])
        _, train, validation = next(iter(fold_masks(sampled, folds)))
        part, losses = sampled[validation], {}
        for rounds in (max(best - 1, 1), best, best + 1):
            model = fit(sampled[train], options, learning_rate=0.5, n_estimators=rounds)
            losses[rounds] = evaluate_segments(part, model.predict(part))["log_loss"].iloc[0]
        assert min(losses, key=losses.__getitem__) == best
        assert losses[best] == pytest.approx(rows["log_loss"].iloc[0], abs=1e-6)


def test_extended_features_are_swept_and_own_frequency_is_measured(
    extended_development, folds, tables, extended_features
):
    found = sweep(extended_development, folds, entry("own_frequency"))
    assert set(found["candidate"]) == {"own_frequency"}
    ever = tables["ordered_before_popularity"]
    assert found["log_loss"].mean() < ever["log_loss"].mean()
    plain, extended = (
        sweep(extended_development, folds, entry("logistic_l2"), features)
        for features in (extended_features[:21], extended_features)
    )
    pd.testing.assert_frame_equal(plain, tables["logistic_l2"])
    best = [table.query("segment == 'all'")[HEADLINE].max() for table in (plain, extended)]
    assert best[1] > best[0] + 0.01


def test_a_fold_of_one_outcome(development, folds):
    frame = development.assign(outcome=1.0)
    with pytest.raises(DataError, match="training window must hold rows with and without"):
        sweep(frame, folds, entry("logistic_l2"))


def test_a_stand_in_of_several_entries_is_measured_once(development, folds, tmp_path):
    studies, made_from = Studies(tmp_path), Fingerprint("rows", "parameters", "code")
    given = (SelectionOptions(), made_from, studies)
    first = sweep_candidate(development, folds, entry("own_frequency"), *given)
    (journal,) = tmp_path.iterdir()
    finished = journal.read_bytes().count(b'"folds"')
    again = sweep_candidate(development, folds, entry("decayed_frequency"), *given)
    pd.testing.assert_frame_equal(again, first)
    assert [*tmp_path.iterdir()] == [journal]
    assert journal.read_bytes().count(b'"folds"') == finished == 1


def test_what_no_trial_depends_on_keeps_the_journal(development, folds, tmp_path):
    made_from = Fingerprint("rows", "parameters", "code")

    def journals(**changes):
        options = entry("constant").model_copy(update=changes)
        given = (SelectionOptions(), made_from, Studies(tmp_path))
        sweep_candidate(development, folds, options, *given)
        return len([*tmp_path.iterdir()])

    assert journals() == journals(calibration="beta", negative_share=0.5) == 1
    assert journals(seed=9) == 2


def test_a_point_that_is_given_up_when_tried_again_counts_as_measured_before():
    def fold(number):
        return [{"segment": "all", "fold": number, "n_estimators": np.nan}]

    trials = [
        Trial({"C": 1.0}, [fold(1), fold(2)], given_up=False),
        Trial({"C": 0.1}, [fold(1), fold(2)], given_up=False),
        Trial({"C": 1.0}, [fold(1)], given_up=True),
    ]
    table = _tabulate(CandidateOptions(family="logistic_l2", seed=1), trials)
    assert table["trial"].tolist() == [0, 0, 1, 1]
    assert not table["given_up"].any()
    assert (table["trials"] == 3).all()


def test_inputs_stay_as_they_are(development, folds):
    frame, table = development.copy(), folds.copy()
    sweep(frame, table, entry("constant"))
    pd.testing.assert_frame_equal(frame, development)
    pd.testing.assert_frame_equal(table, folds)


def test_early_stopping_measures_the_best_round(development, folds):
    options = entry("xgboost", sweep={"learning_rate": [0.5]}, search={"early_stopping_rounds": 2})
    table = sweep(development, folds, options)
    fold, train, validation = next(iter(fold_masks(development, folds)))
    rows = table[(table["fold"] == fold) & (table["segment"] == "all")]
    best = int(rows["n_estimators"].iloc[0])
    part = development[validation]
    losses = {}
    for rounds in (max(best - 1, 1), best, best + 1):
        model = fit(development[train], options, learning_rate=0.5, n_estimators=rounds)
        probability = expit(model.margin(part))
        losses[rounds] = evaluate_segments(part, probability)["log_loss"].iloc[0]
    assert min(losses, key=losses.__getitem__) == best
    assert losses[best] == pytest.approx(rows["log_loss"].iloc[0], abs=1e-6)
