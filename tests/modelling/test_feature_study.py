"""The feature study: its variants, what it measures, and the pipeline in memory."""

import numpy as np
import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.runner import SequentialRunner
from sklearn.metrics import average_precision_score

from push_propensity.errors import DataError
from push_propensity.evaluation.metrics import HEADLINE
from push_propensity.frame.columns import (
    EXTENDED_GROUPS,
    EXTENDED_NAMES,
    FEATURE_NAMES,
    OWN_FREQUENCY,
)
from push_propensity.frame.split import fold_masks
from push_propensity.models.purchase_model import calibrate
from push_propensity.pipelines.feature_study import create_pipeline
from push_propensity.selection.variants.options import StudyOptions, quick, with_winner
from push_propensity.selection.variants.trials import measure_variants
from push_propensity.selection.variants.variants import (
    Variant,
    ablation_variants,
    encoding_variants,
)
from tests.conftest import sample_rows
from tests.modelling.entries import CANDIDATES, entry, fit

OPTIONS = StudyOptions(
    folds=2, negative_share=0.8, learning_rate=0.3, most_rounds=12, resamples=20, seed=3
)
WINNER = {
    "candidate": "xgboost",
    "features": "frame",
    "parameters": {"max_depth": 2, "learning_rate": 0.2, "n_estimators": 9},
}
TABLES = ("feature_ablation", "encoding_trials", "feature_comparison")


@pytest.fixture(scope="module")
def given(extended_parts, folds):
    return {
        **extended_parts._asdict(),
        "params:candidates": CANDIDATES,
        "folds": folds,
        "winner": WINNER,
        "params:feature_study": OPTIONS,
    }


@pytest.fixture(scope="module")
def run():
    class KeptDataset(MemoryDataset):
        def _release(self):
            """Keep what the runner has no further use for."""

    def run_study(given, *outputs):
        pipeline = create_pipeline().to_outputs(*outputs) if outputs else create_pipeline()
        inputs = {
            name: MemoryDataset(given[name], copy_mode="assign") for name in pipeline.inputs()
        }
        made = {name: KeptDataset(copy_mode="assign") for name in pipeline.all_outputs()}
        SequentialRunner().run(pipeline, DataCatalog(inputs | made))
        return {name: dataset.load() for name, dataset in made.items()}

    return run_study


@pytest.fixture(scope="module")
def study(run, given):
    return run(given)


class TestVariants:
    def test_every_group_is_added_and_left_out(self, extended_frame):
        variants = ablation_variants(extended_frame.columns, entry("xgboost"))
        features = {variant.name: set(variant.features) for variant in variants}
        assert len(features) == len(variants) == 2 + 2 * len(EXTENDED_GROUPS)
        everything = {*FEATURE_NAMES, *EXTENDED_NAMES}
        assert features["all extended features"] == everything
        for group, members in EXTENDED_GROUPS.items():
            names = {feature.name for feature in members}
            assert features[f"frame and {group}"] == {*FEATURE_NAMES, *names}
            assert features[f"all but {group}"] == everything - names

    def test_only_what_the_frame_has(self):
        variants = ablation_variants(
            [*FEATURE_NAMES, OWN_FREQUENCY, "hour_of_day"], entry("xgboost")
        )
        assert variants[1].features == (*FEATURE_NAMES, OWN_FREQUENCY, "hour_of_day")
        assert [variant.name for variant in variants[2:]] == [
            "frame and own_product",
            "frame and calendar",
            "all but own_product",
            "all but calendar",
        ]

    def test_one_group_is_all_of_them(self):
        variants = ablation_variants([*FEATURE_NAMES, OWN_FREQUENCY], entry("xgboost"))
        assert [len(variant.features) for variant in variants] == [21, 22]

    def test_a_frame_without_extended_features(self):
        with pytest.raises(DataError, match=r"the feature frame has none.*extended\.groups"):
            ablation_variants(FEATURE_NAMES, entry("xgboost"))

    def test_the_columns_that_an_encoding_makes(self, extended_development):
        entries = entry("logistic_l2"), entry("xgboost")
        variants = encoding_variants(extended_development.columns, *entries, OPTIONS)
        outcome = extended_development["outcome"].to_numpy()
        made = {
            variant.name: variant.make_encoder().fit_transform(extended_development, outcome)
            for variant in variants
        }
        numbers = len(FEATURE_NAMES) + len(EXTENDED_NAMES) - 2
        columns = {name: encoded.shape[1] for name, encoded in made.items()}
        assert columns["logistic, without categories"] == numbers
        assert columns["logistic, target encoding"] == numbers + 2
        assert columns["logistic, one-hot (as the candidate)"] == numbers + 6 + 9
        assert 0 < columns["logistic, columns selected by L1"] < numbers
        assert 0 < columns["logistic, principal components"] <= numbers + 6 + 9
        rates = made["XGBoost, target encoding"][:, -2:]
        assert ((rates > 0) & (rates < 1)).all()

    def test_the_winner_s_parameters_are_used_where_it_is_of_the_family(self):
        assert with_winner(entry("xgboost"), WINNER).parameters == WINNER["parameters"]
        assert with_winner(entry("logistic_l2"), WINNER) == entry("logistic_l2")

    def test_a_quick_entry_differs_in_rows_and_steps_alone(self):
        changed = quick(with_winner(entry("xgboost"), WINNER), OPTIONS)
        assert changed.parameters == WINNER["parameters"]
        search = changed.search
        assert (search.negative_share, search.most_rounds, search.learning_rate) == (0.8, 12, 0.3)
        linear = quick(entry("logistic_l2"), OPTIONS)
        assert linear.search.learning_rate is None
        assert linear.searched({}) == entry("logistic_l2").complete({})


class TestMeasures:
    @pytest.fixture(scope="class")
    @staticmethod
    def variants():
        linear = quick(entry("logistic_l2"), OPTIONS)
        return [
            Variant("plain", "plain", linear, FEATURE_NAMES),
            Variant("twin", "plain", linear, FEATURE_NAMES),
            Variant("more", "plain", linear, (*FEATURE_NAMES, OWN_FREQUENCY)),
        ]

    def test_they_are_those_of_the_model_on_the_fold(self, extended_development, folds, variants):
        options = OPTIONS.model_copy(update={"folds": 1})
        table = measure_variants(extended_development, folds, variants, options)
        *_, (_, train, validation) = fold_masks(extended_development, folds)
        options = variants[2].entry.model_copy(update={"negative_share": OPTIONS.negative_share})
        model = fit(extended_development[train], options, variants[2].features)
        held = extended_development[validation]
        expected = average_precision_score(held["outcome"], model.predict(held))
        assert table["average_precision"][2] == pytest.approx(expected)

    def test_what_is_the_same_differs_by_nothing(self, extended_development, folds, variants):
        table = measure_variants(extended_development, folds, variants, OPTIONS)
        assert table.loc[1, ["difference", "low", "high"]].to_list() == [0, 0, 0]
        assert table["verdict"][1] == "noise"
        difference = table[HEADLINE][2] - table[HEADLINE][0]
        assert table["difference"][2] == pytest.approx(difference)
        assert table["low"][2] < difference < table["high"][2]
        assert table["rounds"].isna().all()

    def test_rows_count_by_their_weight(self, extended_development, folds, variants):
        """A fold may lie where rows are sampled."""
        sampled = sample_rows(extended_development, 0.5, seed=1)
        whole = measure_variants(sampled, folds, variants, OPTIONS)
        unweighted = sampled.drop(columns="sampling_weight")
        other = measure_variants(unweighted, folds, variants, OPTIONS)
        assert (whole["average_precision"] < other["average_precision"]).all()

    @pytest.mark.filterwarnings("ignore:No features were selected")
    def test_a_selection_that_leaves_nothing(self, extended_development, folds):
        strict = OPTIONS.model_copy(update={"inverse_l1_penalty": 1e-9})
        entries = (quick(entry(name), strict) for name in ("logistic_l2", "xgboost"))
        variants = encoding_variants(extended_development.columns, *entries, strict)
        selected = [variant for variant in variants if "L1" in variant.name]
        with pytest.raises(DataError, match=r"no column left.*inverse_l1_penalty"):
            measure_variants(extended_development, folds, selected, strict)


@pytest.mark.slow
class TestPipeline:
    def test_the_ablation_finds_the_group_that_tells_something(self, study):
        table = study["feature_ablation"].set_index("variant")
        alone = table[table["reference"] == "frame features alone"]
        added = alone.filter(like="frame and ", axis="index")["difference"]
        assert added.idxmax() == "frame and own_product"
        assert table.loc["frame and own_product", "verdict"] == "better"
        left_out = table.filter(like="all but ", axis="index")["difference"]
        assert left_out.idxmin() == "all but own_product"
        assert table["rounds"].between(1, OPTIONS.most_rounds).all()

    def test_the_comparison_is_of_contenders_on_test(self, study, given, extended_parts):
        development = pd.concat(extended_parts[:2], ignore_index=True)
        changed = with_winner(CANDIDATES["xgboost"], WINNER)
        contender = calibrate(fit(development, changed), extended_parts.calibration, changed)
        models = study["compared_models"]
        np.testing.assert_array_equal(
            models["frame"].predict(extended_parts.test), contender.predict(extended_parts.test)
        )
        assert models["extended"].features == (*FEATURE_NAMES, *EXTENDED_NAMES)
        assert models["baseline"].name == "own_frequency"

    def test_gains_are_relative(self, study):
        table = study["feature_comparison"].set_index("choice")
        value = table[HEADLINE]
        gain = table.loc["extended", "gain_over_frame"]
        assert gain == pytest.approx(value["extended"] / value["frame"] - 1)
        assert table.loc["frame", ["gain_over_frame", "gain_over_frame_low"]].to_list() == [0, 0]
        assert (
            table.loc["extended", "gain_over_baseline_low"]
            < table.loc["extended", "gain_over_baseline"]
        )
        assert (table[f"{HEADLINE}_low"] < value).all()
        assert (table[f"{HEADLINE}_high"] <= 1).all()

    def test_nothing_is_fitted_to_test(self, run, given, study, extended_parts):
        test = extended_parts.test
        spoilt = given | {"test": test.assign(outcome=1.0 - test["outcome"], vendor="other")}
        models = run(spoilt, "compared_models")["compared_models"]
        for name, model in models.items():
            expected = study["compared_models"][name].predict(test)
            np.testing.assert_array_equal(model.predict(test), expected)

    def test_a_winner_of_another_family_leaves_the_configured_parameters(self, run, given):
        other = {"candidate": "logistic_l2", "features": "extended", "parameters": {"C": 1.0}}
        model = run(given | {"winner": other}, "compared_models")["compared_models"]["frame"]
        assert model.estimator.max_depth == 3
        assert model.estimator.n_estimators >= 1

    def test_the_page_holds_every_variant(self, study):
        page = study["feature_study_page"]
        for table in TABLES[:2]:
            for name in study[table]["variant"]:
                assert f"| {name} |" in page
        assert page.count("**") == 6
        assert "on the 2 latest folds" in page
        lines = [line for line in page.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in lines}) == 2

    @pytest.mark.parametrize("name", TABLES)
    def test_a_figure_draws_every_comparison(self, study, name):
        figure, table = study[f"{name}_figure"], study[name]
        drawn = {label for trace in figure.data for label in trace.y}
        assert figure.layout.title.text
        assert figure.layout.xaxis.title.text
        if name == "feature_comparison":
            assert len(drawn) == len(table)
        else:
            assert drawn == set(table.loc[table["variant"] != table["reference"], "variant"])

    def test_reproducible(self, run, given, study):
        again = run(given, "feature_ablation", "feature_comparison")
        for name in ("feature_ablation", "feature_comparison"):
            pd.testing.assert_frame_equal(again[name], study[name])
