import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression

from push_propensity.models.calibration import (
    FOLDS,
    LEAST_SLOPE,
    UNCALIBRATED,
    Calibration,
    Levels,
    fit_beta,
    fit_calibration,
    fit_sigmoid,
)
from push_propensity.models.export import IR_VERSION, OPSET
from push_propensity.scoring.session import open_session

slopes = st.floats(LEAST_SLOPE, 5.0)
calibrations = st.builds(
    lambda a, b, c: Calibration(a, b if b is not None else a, c),
    slopes,
    st.none() | slopes,
    st.floats(-4, 4),
)


def draw(truth, margin, seed=1, users=40):
    """Outcomes of the true probability, a margin beside it, and users in turn."""
    draws = np.random.default_rng(seed).random(len(truth))
    return margin, (draws < truth).astype(float), np.arange(len(truth)) % users


def levels_of(margin, outcome):
    return Levels.of(margin, outcome).whole()


def run_graph(calibration, margin):
    nodes, constants = calibration.graph("probability")
    given, made = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1])
        for name in ("margin", "probability")
    )
    graph = helper.make_graph(nodes, "calibration", [given], [made], initializer=constants)
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    session = open_session(model.SerializeToString())
    return session.run(None, {"margin": np.asarray(margin, dtype=np.float32)[:, None]})[0][:, 0]


class TestCalibration:
    def test_by_hand(self):
        """p = 1/2 leaves both logarithms alike; p = 4/5 has odds of 4."""
        beta = Calibration(a=2.0, b=1.0, c=0.5)
        assert beta.apply(0.0) == pytest.approx(expit(np.log(2) * (1 - 2) + 0.5))
        assert beta.apply(np.log(4)) == pytest.approx(expit(2 * np.log(0.8) - np.log(0.2) + 0.5))

    def test_a_sigmoid_is_a_beta_of_equal_slopes(self):
        margin = np.linspace(-30, 30, 101)
        sigmoid = Calibration(1.5, 1.5, -0.2)
        np.testing.assert_allclose(sigmoid.apply(margin), expit(1.5 * margin - 0.2), rtol=1e-12)
        np.testing.assert_allclose(UNCALIBRATED.apply(margin), expit(margin), rtol=1e-12)

    def test_knows_its_method(self):
        found = [c.method for c in (UNCALIBRATED, Calibration(2, 2, 0), Calibration(2, 1, 0))]
        assert found == ["uncalibrated", "sigmoid", "beta"]

    @given(calibrations, st.lists(st.floats(-40, 40), min_size=2, max_size=20))
    @settings(max_examples=100, deadline=None)
    def test_rises_with_the_margin(self, calibration, margins):
        margin = np.unique(np.round(margins, 3))
        assert (np.diff(calibration.log_odds(margin)) > 0).all()

    @given(calibrations, st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=20))
    @settings(max_examples=20, deadline=None)
    def test_its_graph_gives_the_same(self, calibration, margins):
        margin = np.array([*margins, -20.0, -5.0, 0.0, 5.0, 20.0])
        np.testing.assert_allclose(
            run_graph(calibration, margin), calibration.apply(margin), rtol=0, atol=1e-6
        )

    def test_small_probabilities_keep_their_digits_in_the_graph(self):
        margin, beta = np.array([-14.0, -12.0, -10.0]), Calibration(0.5, 3.0, -1.0)
        np.testing.assert_allclose(run_graph(beta, margin), beta.apply(margin), rtol=1e-4)

    def test_a_sigmoid_takes_three_steps(self):
        assert len(Calibration(2, 2, 1).graph("probability")[0]) == 3


class TestLevels:
    def test_by_hand(self):
        margin, outcome = [0.1, 0.1001, 2.0, 2.0], [1, 0, 1, 1]
        levels = Levels.of(margin, outcome, np.array([0, 1, 0, 1]))
        np.testing.assert_allclose(levels.margin, [0.10005, 2.0])
        assert levels.bought.tolist() == [[1, 1], [0, 1]]
        assert levels.missed.tolist() == [[0, 0], [1, 0]]
        assert levels.whole().bought.tolist() == [1, 2]
        known, new = levels.fold(0)
        assert (known.bought.tolist(), known.missed.tolist()) == ([0, 1], [1, 0])
        assert (new.bought.tolist(), new.missed.tolist()) == ([1, 1], [0, 0])

    def test_log_loss_is_that_of_the_rows(self):
        levels = levels_of([0.0, 0.0, 1.0], [1, 0, 1])
        expected = -(np.log(0.25) + np.log(0.75) + np.log(0.5)) / 3
        assert levels.log_loss(np.array([0.25, 0.5])) == pytest.approx(expected)


class TestFit:
    def test_the_sigmoid_is_logistic_regression_on_every_row(self):
        truth = np.random.default_rng(3).normal(-2, 2, 4_000)
        margin, outcome, _ = draw(expit(truth), 2 * truth + 1)
        known = LogisticRegression(C=np.inf, tol=1e-10).fit(margin[:, None], outcome)
        found = fit_sigmoid(levels_of(margin, outcome))
        assert found.a == found.b == pytest.approx(known.coef_[0, 0], rel=1e-4)
        assert found.c == pytest.approx(known.intercept_[0], abs=1e-4)

    @given(st.floats(0.4, 2.5), st.floats(-1, 1), st.integers(0, 99))
    @settings(max_examples=5, deadline=None)
    def test_a_planted_sigmoid_is_found(self, slope, intercept, seed):
        truth = np.random.default_rng(seed).normal(-1, 1.5, 40_000)
        margin, outcome, _ = draw(expit(truth), (truth - intercept) / slope, seed)
        found = fit_sigmoid(levels_of(margin, outcome))
        assert found.a == pytest.approx(slope, rel=0.1)
        assert found.c == pytest.approx(intercept, abs=0.15)

    @given(st.floats(0.5, 2.0), st.floats(0.5, 2.0), st.floats(-1, 1), st.integers(0, 99))
    @settings(max_examples=5, deadline=None)
    def test_a_planted_beta_is_found(self, a, b, c, seed):
        margin = np.random.default_rng(seed).normal(0, 3, 60_000)
        margin, outcome, _ = draw(Calibration(a, b, c).apply(margin), margin, seed)
        found = fit_beta(levels_of(margin, outcome))
        assert (found.a, found.b) == pytest.approx((a, b), rel=0.15)
        assert found.c == pytest.approx(c, abs=0.2)

    def test_no_slope_of_beta_is_negative(self):
        """Far above even odds, higher margins go with fewer purchases."""
        margin = np.linspace(-4, 6, 20_000)
        truth = np.where(margin < 0, expit(margin), 0.5 - margin / 20)
        margin, outcome, _ = draw(truth, margin)
        found = fit_beta(levels_of(margin, outcome))
        assert found.b == LEAST_SLOPE
        assert found.a > 0.5

    def test_equal_margins_give_the_rate_of_the_window(self):
        levels = levels_of(np.full(200, -2.0), np.arange(200) < 30)
        for fit in (fit_sigmoid, fit_beta):
            assert fit(levels).apply(-2.0) == pytest.approx(0.15, abs=1e-6)


class TestChoice:
    def test_a_planted_sigmoid_stays_one(self):
        truth = np.random.default_rng(2).normal(-1.5, 1.5, 20_000)
        found = fit_calibration(*draw(expit(truth), 3 * truth + 2))
        assert found.method == "sigmoid"
        assert found.a == pytest.approx(1 / 3, rel=0.1)
        assert found.log_loss["sigmoid"] < found.log_loss["uncalibrated"] - 0.05

    def test_equal_margins_are_no_reason_for_beta(self):
        outcome = (np.arange(900) % 11 < 2).astype(float)
        found = fit_calibration(np.full(900, -2.0), outcome, np.arange(900) // 3)
        assert found.method == "sigmoid"

    def test_a_planted_beta_is_chosen(self):
        margin = np.random.default_rng(2).normal(-1, 3, 20_000)
        found = fit_calibration(*draw(Calibration(0.5, 2.0, -1.0).apply(margin), margin))
        assert found.method == "beta"
        assert found.log_loss["beta"] < found.log_loss["sigmoid"]

    @pytest.mark.parametrize("choice", ["sigmoid", "beta"])
    def test_may_be_made_by_hand(self, choice):
        margin = np.random.default_rng(2).normal(-1, 3, 2_000)
        window = draw(Calibration(0.5, 2.0, -1.0).apply(margin), margin)
        found = fit_calibration(*window, choice=choice)
        assert found.method == choice
        assert found.log_loss == fit_calibration(*window).log_loss

    def test_steps_are_measured_and_never_taken(self):
        """Where purchases rise in steps, isotonic regression is best by far."""
        margin = np.random.default_rng(2).uniform(-3, 3, 20_000)
        truth = np.select([margin < -1, margin < 1], [0.05, 0.5], 0.95)
        found = fit_calibration(*draw(truth, margin))
        assert min(found.log_loss, key=found.log_loss.get) == "isotonic"
        assert found.method in ("sigmoid", "beta")

    def test_log_losses_are_of_users_that_were_not_fitted_to(self):
        """Each user buys always or never, and each has a margin that says nothing."""
        user = np.repeat(np.arange(FOLDS), 50)
        margin, outcome = logit((user * 7 % FOLDS + 1) / 12), user % 2.0
        known = fit_sigmoid(levels_of(margin, outcome))
        within = levels_of(margin, outcome)
        loss = fit_calibration(margin, outcome, user).log_loss
        assert loss["sigmoid"] > within.log_loss(known.apply(within.margin)) + 0.01
        assert loss["isotonic"] > 1.0

    def test_the_seed_decides_on_the_folds(self):
        truth = np.random.default_rng(5).normal(-1, 1, 500)
        window = draw(expit(truth), truth)
        first, again, other = (fit_calibration(*window, seed=seed) for seed in (1, 1, 2))
        assert first == again
        assert first.log_loss != other.log_loss
        assert (first.a, first.c) == (other.a, other.c)

    @pytest.mark.parametrize("users", [[0, 0, 0, 0], [0, 0, 1, 1]])
    def test_users_too_few_to_compare(self, users):
        """One user alone, or one who holds every purchase."""
        found = fit_calibration([1.0, 0.5, 0.2, 0.6], [1, 0, 0, 0], users)
        assert found.method == "sigmoid"
        assert found.log_loss == {}
        assert found.describe()["log_loss"] == {}
