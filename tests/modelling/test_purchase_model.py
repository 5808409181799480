import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.metrics import log_loss

from push_propensity.errors import DataError
from push_propensity.frame.columns import DAYS_SINCE_PURCHASE, POPULARITY
from push_propensity.frame.split import keep_large_orders
from push_propensity.models.calibration import UNCALIBRATED
from push_propensity.models.purchase_model import (
    PurchaseModel,
    calibrate,
    draw_rows,
    fit_model,
    require_both_outcomes,
)
from tests.conftest import sample_rows
from tests.modelling.entries import CANDIDATE_NAMES, FAMILY_NAMES, entry, fit


def draw(outcome, share, seed, **columns):
    frame = pd.DataFrame({"outcome": np.asarray(outcome, dtype=float)} | columns)
    return draw_rows(frame, share, seed)


class TestDrawRows:
    @given(st.floats(0.05, 1.0), st.integers(0, 2**32 - 1))
    @settings(max_examples=40, deadline=None)
    def test_every_purchase_and_weights_that_make_up_for_the_rest(self, share, seed):
        outcome = (np.arange(4_000) % 10 == 3).astype(float)
        rows, weight = draw(outcome, share, seed)
        assert (np.diff(rows) > 0).all()
        assert outcome[rows].sum() == outcome.sum()
        assert (weight[outcome[rows] == 1] == 1.0).all()
        negatives = weight[outcome[rows] == 0]
        deviation = np.sqrt(3_600 * (1 - share) / share)
        assert abs(negatives.sum() - 3_600) <= 6 * deviation + 1e-9

    def test_unbiased(self):
        outcome = np.array([1.0, 0.0, 0.0, 0.0])
        outcome = np.tile(outcome, 50)
        value = np.linspace(1, 2, 200)
        totals = []
        for seed in range(400):
            rows, weight = draw(outcome, 0.2, seed)
            totals.append((weight * value[rows]).sum())
        error = np.std(totals) / np.sqrt(len(totals))
        assert abs(np.mean(totals) - value.sum()) < 4 * error

    def test_a_share_of_one_keeps_all_rows(self):
        outcome = np.array([0.0, 1.0, 0.0])
        rows, weight = draw(outcome, 1.0, 5)
        assert rows.tolist() == [0, 1, 2]
        assert weight.tolist() == [1.0, 1.0, 1.0]

    @pytest.mark.parametrize(("minimum", "kept"), [(0, 0.1), (50, 0.1), (400, 0.4), (9_999, 1)])
    def test_small_data_are_not_thinned(self, minimum, kept):
        frame = pd.DataFrame({"outcome": (np.arange(1_250) % 5 == 0).astype(float)})
        rows, weight = draw_rows(frame, 0.1, 2, minimum_negatives=minimum)
        assert set(weight) == {1.0, 1.0 / kept}
        assert abs(len(rows) - 250 - 1_000 * kept) <= 6 * np.sqrt(1_000 * kept)

    def test_the_seed_decides(self):
        outcome = np.arange(300) % 3 == 0
        first, _ = draw(outcome, 0.5, 1)
        again, _ = draw(outcome, 0.5, 1)
        other, _ = draw(outcome, 0.5, 2)
        assert first.tolist() == again.tolist() != other.tolist()

    @pytest.mark.parametrize("sampled", [1.0, 4.0])
    def test_of_a_part_as_if_there_were_no_other_rows(self, sampled):
        outcome = (np.arange(300) % 3 == 0).astype(float)
        frame = pd.DataFrame({"outcome": outcome, "sampling_weight": sampled})
        part = np.arange(300) % 5 < 2
        rows, weight = draw_rows(frame, 0.5, 1, part)
        alone, same_weight = draw_rows(frame[part], 0.5, 1)
        assert rows.tolist() == np.flatnonzero(part)[alone].tolist()
        assert weight.tolist() == same_weight.tolist()

    @pytest.mark.parametrize("value", [0.0, 1.0])
    def test_one_outcome_alone(self, value):
        rows, _ = draw(np.full(20, value), 1.0, 1)
        assert len(rows) == 20
        message = r"training window must hold .* in 20 rows\. .* a larger `train_share`"
        with pytest.raises(DataError, match=message):
            require_both_outcomes(np.full(20, value), "training")


class TestSampledTraining:
    def test_weights_are_multiplied(self):
        outcome = np.arange(1_000) % 10 == 0
        sampled = np.where(outcome, 1.0, 4.0)
        rows, weight = draw(outcome, 0.5, 3, sampling_weight=sampled)
        same, alone = draw(outcome, 0.5, 3)
        assert rows.tolist() == same.tolist()
        assert weight.tolist() == (alone * sampled[rows]).tolist()
        assert set(weight) == {1.0, 8.0}

    @pytest.mark.parametrize("share", [1.0, 0.5])
    @pytest.mark.parametrize("name", FAMILY_NAMES)
    def test_the_level_is_that_of_all_rows(self, development, models, name, share):
        sample = sample_rows(development, 0.4, seed=2)
        model = fit(sample, entry(name, negative_share=share))
        whole = models[name].predict(development)
        assert model.predict(development).mean() == pytest.approx(whole.mean(), rel=0.2)
        unweighted = fit(sample.drop(columns="sampling_weight"), entry(name))
        assert unweighted.predict(development).mean() > 1.4 * whole.mean()


class TestFitModel:
    @pytest.mark.parametrize("name", FAMILY_NAMES)
    def test_probabilities_and_margins_belong_together(self, models, parts, name):
        model, frame = models[name], parts.calibration
        probability = model.predict(frame)
        assert probability.shape == (len(frame),)
        assert ((probability > 0) & (probability < 1)).all()
        np.testing.assert_allclose(probability, expit(model.margin(frame)), rtol=1e-12)
        own = model.estimator.predict_proba(model.encoder.transform(frame))[:, 1]
        np.testing.assert_allclose(probability, own, atol=1e-6)

    @pytest.mark.parametrize("name", FAMILY_NAMES)
    def test_the_mean_probability_is_the_purchase_rate(self, models, development, name):
        rate = development["outcome"].mean()
        assert models[name].predict(development).mean() == pytest.approx(rate, rel=0.05)

    @pytest.mark.parametrize("name", FAMILY_NAMES)
    def test_candidates_know_the_longest_time_that_they_saw(self, models, development, name):
        longest = development[DAYS_SINCE_PURCHASE].max() if name in CANDIDATE_NAMES else np.inf
        assert models[name].longest == longest

    def test_the_constant_is_the_purchase_rate(self, models, development, parts):
        probability = models["constant"].predict(parts.test)
        np.testing.assert_allclose(probability, development["outcome"].mean())

    @pytest.mark.parametrize("name", CANDIDATE_NAMES)
    def test_learns_what_there_is_to_learn(self, models, parts, name):
        before = parts.test["ordered_before"] == 1
        probability = models[name].predict(parts.test)
        assert probability[before].mean() > 2 * probability[~before].mean()
        constant = models["constant"].predict(parts.test)
        outcome = parts.test["outcome"]
        assert log_loss(outcome, probability) < log_loss(outcome, constant) - 0.02

    @pytest.mark.parametrize("name", CANDIDATE_NAMES)
    def test_shuffled_rows_give_the_same_model(self, models, development, parts, name):
        shuffled = keep_large_orders(development.sample(frac=1.0, random_state=3), 1)
        again = fit(shuffled, entry(name))
        np.testing.assert_array_equal(models[name].predict(parts.test), again.predict(parts.test))

    def test_the_seed_of_the_draw_changes_the_model(self, development, parts):
        first, second = (
            fit(development, entry("logistic_l2", negative_share=0.3, seed=seed)).predict(
                parts.test
            )
            for seed in (1, 2)
        )
        assert np.abs(first - second).max() > 1e-4
        whole = fit(development, entry("logistic_l2")).predict(parts.test)
        assert first.mean() == pytest.approx(whole.mean(), rel=0.15)

    @pytest.mark.parametrize("name", FAMILY_NAMES)
    def test_unknown_categories_are_scored(self, models, parts, name):
        frame = parts.test.head(20).assign(product_type="never seen", vendor="nor this one")
        probability = models[name].predict(frame)
        assert np.isfinite(probability).all()
        one = models[name].predict(frame.head(1).assign(vendor="something else"))
        assert one[0] == pytest.approx(probability[0], abs=1e-12)

    def test_the_encoder_knows_only_the_training_rows(self, models, development):
        encoder = models["logistic_l2"].encoder
        known = encoder.named_transformers_["categories"][0].categories_[0].tolist()
        assert known == sorted(development["product_type"].unique())
        mean = encoder.named_transformers_["numbers"][-1].mean_[0]
        assert mean == pytest.approx(np.log1p(development["user_order_seq"]).mean())

    @pytest.mark.parametrize("name", CANDIDATE_NAMES)
    def test_one_outcome_alone(self, development, name):
        with pytest.raises(DataError, match=r"it holds 2\d\d purchases in 2\d\d rows"):
            fit(development[development["outcome"] == 1].head(250), entry(name))

    @pytest.mark.parametrize("name", FAMILY_NAMES)
    def test_inputs_stay_as_they_are(self, development, name):
        frame = development.copy()
        fit(frame, entry(name))
        pd.testing.assert_frame_equal(frame, development)

    def test_more_regularisation_means_smaller_effects(self, development):
        options = entry("logistic_l2")
        sizes = [
            np.abs(fit(development, options, C=C).estimator.coef_).sum() for C in (1e-3, 0.1, 10.0)
        ]
        assert sizes == sorted(sizes)
        elastic = entry("logistic_elastic_net")
        kept = [
            (fit(development, elastic, C=C, l1_ratio=0.9).estimator.coef_ != 0).sum()
            for C in (1e-3, 0.1)
        ]
        assert kept[0] < kept[1]


class TestFeatures:
    @pytest.mark.parametrize("name", CANDIDATE_NAMES)
    def test_a_candidate_uses_those_that_it_is_given(
        self, extended_development, extended_parts, extended_features, name
    ):
        model = fit(extended_development, entry(name), extended_features)
        assert (model.name, model.features) == (name, extended_features)
        frame = extended_parts.test
        changed = model.predict(frame.assign(purchase_share_variant_id=0.0))
        assert np.abs(changed - model.predict(frame)).max() > 1e-3
        with pytest.raises(ValueError, match="purchase_share_variant_id"):
            model.predict(frame.drop(columns="purchase_share_variant_id"))

    def test_own_frequency_beats_whether_it_was_ever_bought(
        self, extended_development, extended_parts, models
    ):
        own = fit(extended_development, entry("own_frequency"))
        assert own.name == "own_frequency"
        assert own.encoder.feature_names_in_.tolist() == list(extended_development.columns)
        frame = extended_parts.test
        ever = models["ordered_before_popularity"]
        losses = [log_loss(frame["outcome"], model.predict(frame)) for model in (own, ever)]
        assert losses[0] < losses[1] - 0.01

    def test_own_frequency_on_a_frame_that_has_none(self, development, models, parts):
        model, other = fit(development, entry("own_frequency")), models["ordered_before_popularity"]
        assert model.name == other.name == "ordered_before_popularity"
        np.testing.assert_array_equal(model.predict(parts.test), other.predict(parts.test))


class FixedMargin(PurchaseModel):
    """A model whose margin is a column of the frame."""

    def margin(self, frame):
        return frame["margin"].to_numpy()


def fixed(margin, outcome) -> tuple[FixedMargin, pd.DataFrame]:
    frame = pd.DataFrame({"margin": margin, "outcome": np.asarray(outcome, dtype=float)})
    frame[[DAYS_SINCE_PURCHASE, POPULARITY]] = 7.0, 0.1
    return FixedMargin(None, None), frame.assign(user_id=np.arange(len(frame)) % 7)


class TestCalibrate:
    @pytest.mark.parametrize("choice", ["sigmoid", "beta"])
    @pytest.mark.parametrize("name", CANDIDATE_NAMES)
    def test_keeps_the_order_and_improves_the_log_loss_of_its_window(
        self, models, parts, name, choice
    ):
        window, model = parts.calibration, models[name]
        calibrated = calibrate(model, window, entry(name, calibration=choice))
        assert calibrated.calibration.method == choice
        order = np.argsort(model.margin(window), kind="stable")
        assert (np.diff(calibrated.predict(window)[order]) >= 0).all()
        outcome = window["outcome"]
        before, after = (log_loss(outcome, m.predict(window)) for m in (model, calibrated))
        assert after <= before + 1e-12
        # The intercept's share of the gradient is 0 at the solution.
        assert calibrated.predict(window).mean() == pytest.approx(outcome.mean(), abs=1e-6)

    def test_leaves_the_given_model_as_it_is(self, models, parts):
        model = models["xgboost"]
        calibrated = calibrate(model, parts.calibration, entry("xgboost"))
        assert model.calibration == UNCALIBRATED
        assert calibrated.estimator is model.estimator

    def test_what_was_calibrated_before_does_not_matter(self, models, parts):
        options = entry("logistic_l2")
        once = calibrate(models["logistic_l2"], parts.calibration, options)
        assert calibrate(once, parts.calibration, options).calibration == once.calibration

    @pytest.mark.parametrize("value", [0.0, 1.0])
    def test_one_outcome_alone(self, value):
        model, frame = fixed(np.linspace(-2, 2, 30), np.full(30, value))
        message = r"calibration window must hold .* in 30 rows.*larger `calibration_share`"
        with pytest.raises(DataError, match=message):
            calibrate(model, frame, entry("constant"))

    @pytest.mark.parametrize("choice", ["auto", "sigmoid", "beta"])
    def test_scores_that_mean_the_opposite(self, choice):
        margin = np.linspace(-2, 2, 200)
        model, frame = fixed(margin, np.random.default_rng(0).random(200) < expit(-2 * margin))
        with pytest.raises(DataError, match="users with higher scores bought less often"):
            calibrate(model, frame, entry("constant", calibration=choice))


def test_margins_of_the_constant(models, parts, development):
    margin = models["constant"].margin(parts.test)
    np.testing.assert_allclose(margin, logit(development["outcome"].mean()))


def test_fitting_uses_all_parameters(development):
    options = entry("xgboost")
    parameters = options.complete({"n_estimators": 4, "max_depth": 2})
    model = fit_model(development, options, parameters)
    assert model.estimator.get_booster().num_boosted_rounds() == 4
    assert "depth" not in parameters.model_dump()


def test_the_longest_time_is_that_of_all_rows_of_training(development):
    """Also of those that were not drawn."""
    frame = development.copy()
    drawn = draw_rows(frame, 0.5, seed=7)[0]
    left_out = np.setdiff1d(np.arange(len(frame)), drawn)[0]
    frame.iloc[left_out, frame.columns.get_loc(DAYS_SINCE_PURCHASE)] = 999.0
    model = fit(frame, entry("logistic_l2", negative_share=0.5, minimum_negatives=0, seed=7))
    assert model.longest == 999.0
