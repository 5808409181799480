import numpy as np
import onnx
import pytest

from push_propensity.errors import ExportError
from push_propensity.frame.columns import FEATURE_NAMES, FEATURES
from push_propensity.models.export import OUTPUT, check_parity, export_model, graph_inputs
from push_propensity.models.purchase_model import calibrate
from push_propensity.scoring.session import open_session
from tests.modelling.entries import CANDIDATE_NAMES, entry, fit

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def calibrated(models, parts):
    return {
        name: calibrate(models[name], parts.calibration, entry(name)) for name in CANDIDATE_NAMES
    }


@pytest.fixture(scope="module")
def graphs(calibrated):
    return {name: export_model(model) for name, model in calibrated.items()}


def run(graph, frame):
    session = open_session(graph)
    return session.run([OUTPUT], graph_inputs(frame, FEATURE_NAMES))[0]


def strange(frame):
    """Values at the bounds and categories that no model has seen."""
    frame = frame.head(40).copy()
    frame["vendor"] = ["never seen", "", "ünïcode", "vendor-1"] * 10
    frame["product_type"] = ["type-1", "other"] * 20
    for feature in FEATURES:
        if feature.kind == "number":
            values = frame[feature.name].to_numpy(dtype=float, copy=True)
            values[:20] = [feature.minimum, feature.maximum] * 10
            frame[feature.name] = values
    return frame


@pytest.mark.parametrize("name", CANDIDATE_NAMES)
class TestEveryCandidate:
    def test_scores_like_the_model(self, calibrated, graphs, parts, name):
        scored = run(graphs[name], parts.test)
        assert scored.dtype == np.float32
        assert scored.shape == (len(parts.test), 1)
        np.testing.assert_allclose(
            scored[:, 0], calibrated[name].predict(parts.test), rtol=0, atol=1e-6
        )

    def test_scores_like_the_model_before_calibration(self, models, parts, name):
        scored = run(export_model(models[name]), parts.test)
        np.testing.assert_allclose(scored[:, 0], models[name].predict(parts.test), atol=1e-6)

    def test_unknown_categories_and_extreme_values(self, calibrated, graphs, parts, name):
        frame = strange(parts.test)
        difference = check_parity(graphs[name], calibrated[name], frame, TOLERANCE)
        assert difference <= TOLERANCE

    def test_the_input_is_every_feature_by_name(self, graphs, name):
        model = onnx.load_from_string(graphs[name])
        onnx.checker.check_model(model, full_check=True)
        kinds = {onnx.TensorProto.FLOAT: "number", onnx.TensorProto.STRING: "category"}
        found = [
            (given.name, kinds[given.type.tensor_type.elem_type]) for given in model.graph.input
        ]
        assert found == [(feature.name, feature.kind) for feature in FEATURES]
        assert [output.name for output in model.graph.output] == [OUTPUT]
        assert {opset.domain for opset in model.opset_import} <= {"", "ai.onnx.ml"}

    def test_the_same_model_gives_the_same_bytes(
        self, calibrated, graphs, development, parts, name
    ):
        assert export_model(calibrated[name]) == graphs[name]
        again = calibrate(fit(development, entry(name)), parts.calibration, entry(name))
        assert export_model(again) == graphs[name]

    def test_parity_is_the_largest_difference(self, calibrated, graphs, parts, name):
        model, frame = calibrated[name], parts.test
        expected = np.abs(run(graphs[name], frame)[:, 0].astype(float) - model.predict(frame)).max()
        assert check_parity(graphs[name], model, frame, TOLERANCE) == expected

    def test_a_graph_of_another_model_is_noticed(self, calibrated, graphs, models, parts, name):
        message = rf"differs from the trained model by .* on {len(parts.test)} rows"
        with pytest.raises(ExportError, match=message):
            check_parity(graphs[name], models[name], parts.test, TOLERANCE)

    def test_a_difference_that_is_no_number_is_noticed(self, calibrated, graphs, parts, name):
        frame = parts.test.head(5).assign(normalised_price=np.nan)
        if name == "xgboost":  # which has a way for missing values
            assert check_parity(graphs[name], calibrated[name], frame, TOLERANCE) <= TOLERANCE
        else:
            with pytest.raises((ExportError, ValueError)):
                check_parity(graphs[name], calibrated[name], frame, TOLERANCE)


class TestExtremeModels:
    def test_trees_of_a_single_leaf(self, development, parts):
        model = fit(development, entry("xgboost"), reg_lambda=1e6, min_child_weight=1e6)
        assert model.estimator.get_booster().trees_to_dataframe()["Feature"].eq("Leaf").all()
        model = calibrate(model, parts.calibration, entry("xgboost"))
        assert check_parity(export_model(model), model, strange(parts.test), TOLERANCE) < 1e-6
        rate = parts.calibration["outcome"].mean()
        np.testing.assert_allclose(model.predict(parts.test), rate, atol=1e-6)

    def test_one_tree_and_a_thousand(self, development, parts):
        for rounds in (1, 1_000):
            model = fit(development, entry("xgboost"), n_estimators=rounds, max_depth=2)
            graph = export_model(model)
            assert check_parity(graph, model, strange(parts.test), 1e-4) < 1e-4

    def test_all_coefficients_zero(self, development, parts):
        model = fit(development, entry("logistic_elastic_net"), C=1e-6, l1_ratio=1.0)
        assert (model.estimator.coef_ == 0).all()
        assert check_parity(export_model(model), model, strange(parts.test), TOLERANCE) < 1e-6

    def test_hardly_any_regularisation(self, development, parts):
        model = fit(development, entry("logistic_l2"), C=1e6)
        assert check_parity(export_model(model), model, parts.test, TOLERANCE) < TOLERANCE

    def test_one_category_alone(self, development, parts):
        frame = development.assign(vendor="only", product_type="only")
        for name in CANDIDATE_NAMES:
            model = fit(frame, entry(name))
            assert check_parity(export_model(model), model, strange(parts.test), TOLERANCE) < 1e-5


@pytest.mark.parametrize("name", ["constant"])
def test_a_baseline_without_conversion(models, name):
    with pytest.raises(ExportError, match="DummyClassifier has no conversion to ONNX"):
        export_model(models[name])


def test_inputs_of_the_graph(parts):
    inputs = graph_inputs(parts.test, ["vendor", "normalised_price"])
    assert list(inputs) == ["vendor", "normalised_price"]
    assert inputs["vendor"].dtype == object
    assert inputs["normalised_price"].dtype == np.float32
    assert all(column.shape == (len(parts.test), 1) for column in inputs.values())
    assert inputs["vendor"][0, 0] == parts.test["vendor"].iloc[0]


@pytest.mark.parametrize("name", CANDIDATE_NAMES)
class TestExtendedFeatures:
    def test_are_inputs_and_scores_agree(
        self, extended_development, extended_parts, extended_features, name
    ):
        model = calibrate(
            fit(extended_development, entry(name), extended_features),
            extended_parts.calibration,
            entry(name),
        )
        graph = export_model(model)
        inputs = [given.name for given in onnx.load_from_string(graph).graph.input]
        assert inputs == list(extended_features)
        assert check_parity(graph, model, strange(extended_parts.test), TOLERANCE) <= TOLERANCE

    def test_that_are_not_chosen_change_nothing(
        self, extended_development, extended_parts, calibrated, graphs, name
    ):
        model = calibrate(
            fit(extended_development, entry(name)), extended_parts.calibration, entry(name)
        )
        assert export_model(model) == graphs[name]
